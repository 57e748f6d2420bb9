"""Tables of the report. One table per file; each is declared as ``TABLE``."""
