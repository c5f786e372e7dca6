"""Files on other machines: their addresses, without what is secret in them, and reading parts of them."""
