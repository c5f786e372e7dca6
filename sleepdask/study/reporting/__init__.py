"""One page that says what became of a study."""
