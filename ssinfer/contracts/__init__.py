"""Contracts: who shares what, and the settlement of it."""
