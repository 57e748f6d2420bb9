"""Data sources of a study: one file per source, found by the registry."""
