"""Plug-ins: how benchmark providers are found, and the suite that each must pass."""
