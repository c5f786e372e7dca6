"""Files of scores: hypnograms and events, one module a format."""
