"""Risk-adjusted benchmark: persons' spending predicted from their history. Names load when used."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
