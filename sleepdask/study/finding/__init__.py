"""Tables of recordings out of folders."""
