"""Diagnostics: one check a file, each PASS, FAIL or NOT EVALUATED with its number."""
