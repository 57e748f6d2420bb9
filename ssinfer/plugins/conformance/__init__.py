"""Conformance checks, a theme a file: each takes the Trial of a method and returns a Check."""
