"""Loaders of public data sets. The names are loaded when first used; simulators come from `ssinfer.simulation`."""

from ssinfer import simulation
from ssinfer.later import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__, dict.fromkeys(simulation.__all__, "ssinfer.simulation"))
