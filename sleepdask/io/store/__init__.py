"""Recordings in Zarr: layout, variables, metadata, writing, reading."""
