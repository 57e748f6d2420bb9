"""BalanceLimits: limits on balance that a study fixes before any effect is known."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from ssinfer.arguments import POSITIVE, SHARE, Number, Optional, read_fields
from ssinfer.benchmarks.matched.balance.measures import AFTER, SMD, equipoise
from ssinfer.check import Check
from ssinfer.errors import ParameterError, refuse_unknown
from ssinfer.kernels.importance import effective_size
from ssinfer.typing import Booleans, Floats

AT_LEAST = ("equipoise", "matched", "effective_sample_size")  # the other limits bound from above
BOUNDS = {"variance_ratio": Number(1), **dict.fromkeys(("ks", "equipoise", "matched"), SHARE)}


def direction(name: str) -> str:
    """Return the direction of a limit: "at most" or "at least"."""
    return "at least" if name in AT_LEAST else "at most"


@dataclass(frozen=True)
class BalanceLimits:
    """Limits on balance. None switches a limit off.

    Attributes
    ----------
    smd : float, largest absolute standardised mean difference after adjustment
    variance_ratio : float, largest variance ratio, in either direction: 2 means between 0.5 and 2
    ks : float, largest Kolmogorov-Smirnov distance after adjustment, a fraction
    equipoise, matched : float, smallest share of persons in equipoise, and of treated persons that are matched
    effective_sample_size : float, smallest effective number of controls

    Examples
    --------
    >>> BalanceLimits(smd=0.1, equipoise=None)
    BalanceLimits(smd=0.1, variance_ratio=2.0, ks=None, equipoise=None, matched=0.8, effective_sample_size=None)
    """

    smd: float | None = 0.1
    variance_ratio: float | None = 2.0
    ks: float | None = None
    equipoise: float | None = 0.2
    matched: float | None = 0.8
    effective_sample_size: float | None = None

    def __post_init__(self) -> None:
        read_fields(self, **{name: Optional(BOUNDS.get(name, POSITIVE)) for name in vars(self)})

    def judge(self, table: pd.DataFrame, treated: Booleans, weights: Floats, score: Floats) -> dict[str, Check]:
        """Compare the balance after adjustment in `table` with each limit that is set, by name (weight 0: no match)."""
        smd, ks, ratio = table[SMD + AFTER].abs(), table["ks" + AFTER], table["variance_ratio" + AFTER].dropna()
        measured = {
            "smd": (float(smd.max()), f"largest |{SMD}{AFTER}|, {smd.idxmax()}"),
            "ks": (float(ks.max()), f"after adjustment, {ks.idxmax()}"),
            "equipoise": (equipoise(score, treated), "share of persons in equipoise"),
            "matched": (float((weights[treated] > 0).mean()), "share of treated persons matched"),
            "effective_sample_size": (effective_size(weights[~treated]), "effective controls"),
        }
        if len(ratio):
            with np.errstate(divide="ignore"):
                either = np.exp(np.abs(np.log(ratio)))
            measured["variance_ratio"] = (float(either.max()), f"in either direction, {either.idxmax()}")
        checks = {}
        for name, limit in vars(self).items():
            if limit is not None and name in measured:
                figure, meaning = measured[name]
                passed = figure >= limit if name in AT_LEAST else figure <= limit
                text = f"{meaning}; {direction(name)} {limit:g}"
                checks[name] = Check.judged(f"balance: {name}", passed, figure, limit, text)
        return checks


def as_limits(given: BalanceLimits | Mapping[str, float | bool | None] | None) -> BalanceLimits | None:
    """Return limits that are given as such or as a table of a study file, where ``false`` switches a limit off."""
    if given is None or isinstance(given, BalanceLimits):
        return given
    if not isinstance(given, Mapping):
        raise ParameterError(
            f"balance_limits is {given!r}. Give BalanceLimits(...), a table such as {{'smd': 0.1}}, or None."
        )
    known = [field.name for field in fields(BalanceLimits)]
    refuse_unknown(given, known, "There is no balance limit", ParameterError)
    return BalanceLimits(**{name: None if value is False else value for name, value in given.items()})
