"""Song files: bytes to `Song` and back. Formats know songs, not models."""
