"""Compiled loops behind the features: pure functions on NumPy arrays, imported when computing."""
