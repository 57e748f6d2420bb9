"""Vektis: spending per Dutch municipality."""

from ssinfer.datasets.vektis.panel import load_vektis as load_vektis
