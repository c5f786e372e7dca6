"""Features of a whole study: read lazily, summarised as a stream, exported."""
