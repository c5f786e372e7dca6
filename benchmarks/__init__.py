"""How fast sleepdask is, as ratios measured side by side in one run."""
