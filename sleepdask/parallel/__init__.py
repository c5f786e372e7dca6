"""Where a graph runs. Knows nothing of sleep."""
