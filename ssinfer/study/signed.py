"""Signed: what an agreement fixes for the run that settles on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssinfer.contracts.contract import Contract


@dataclass(frozen=True, eq=False)
class Signed:
    """What an agreement fixes for the run that settles on it; see :mod:`ssinfer.agreement`.

    Attributes
    ----------
    contracts : contract and sharing rate, by name of the sharing rule
    origins : first performance periods of the placebo windows that were known at signing, by name of fits
    rate : the threshold, a fraction of the benchmark; None: it is learned by the signed rule, or stands in the contract
    """

    contracts: Mapping[str, tuple[Contract, float]]
    origins: Mapping[str, tuple[Any, ...]]
    rate: float | None = None
