"""Plug-ins: finds benchmark providers, and tests that each keeps the promises of the protocol."""
