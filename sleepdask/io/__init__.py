"""Readers and writers: files in, lazy signals out."""
