"""Pictures of nights; each draws on a figure of its own, so that it works in threads and without a display."""
