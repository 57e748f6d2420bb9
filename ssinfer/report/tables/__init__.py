"""Tables of the report. One table per file."""
