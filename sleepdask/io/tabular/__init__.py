"""Tables of samples, as text or Parquet: read block by block, lazily, in memory that does not grow with the file."""
