"""Conformance checks, one theme per file: each takes the Trial of a method and returns a Check."""
