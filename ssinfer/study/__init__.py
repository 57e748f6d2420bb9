"""Study: plan, backtest, evaluation and settlement of the contract designs in one TOML file. Names load when used."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
