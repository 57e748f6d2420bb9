"""Vektis: spending per Dutch municipality."""
