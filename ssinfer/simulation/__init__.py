"""Simulated panels, cohorts and claims with a known true saving."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
