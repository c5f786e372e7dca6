"""Readers of what wearables and other devices write, one file a device."""
