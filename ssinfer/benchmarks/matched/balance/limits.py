"""Gates: what must hold before an effect is shown, fixed in the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.balance.effective_sample_size import effective_sample_size
from ssinfer.benchmarks.matched.balance.equipoise import equipoise
from ssinfer.errors import DesignError, did_you_mean

if TYPE_CHECKING:
    from ssinfer.typing import Booleans, Floats


@dataclass(frozen=True)
class BalanceGates:
    """Limits on balance; None switches a gate off.

    Attributes
    ----------
    smd : float
        Largest absolute standardised mean difference after adjustment.
    variance_ratio : float
        Largest variance ratio either way (2: between 0.5 and 2).
    ks : float
        Largest Kolmogorov-Smirnov distance after adjustment.
    equipoise : float
        Smallest share of persons in equipoise.
    matched : float
        Smallest share of treated persons that are matched.
    effective_sample_size : float
        Smallest effective number of controls.

    Examples
    --------
    >>> BalanceGates(smd=0.1, equipoise=None)
    BalanceGates(smd=0.1, variance_ratio=2.0, ks=None, equipoise=None, matched=0.8, effective_sample_size=None)
    """

    smd: float | None = 0.1
    variance_ratio: float | None = 2.0
    ks: float | None = None
    equipoise: float | None = 0.2
    matched: float | None = 0.8
    effective_sample_size: float | None = None

    def __post_init__(self) -> None:
        for name in ("smd", "variance_ratio", "ks", "equipoise", "matched", "effective_sample_size"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise DesignError(f"Gate {name} is {value!r}; give a positive number, or None to switch it off.")
        for name in ("equipoise", "matched", "ks"):
            value = getattr(self, name)
            if value is not None and value > 1:
                raise DesignError(f"Gate {name} is {value!r}, a share: write a fraction between 0 and 1.")
        if self.variance_ratio is not None and self.variance_ratio < 1:
            raise DesignError(f"Gate variance_ratio is {self.variance_ratio!r}; the limit either way is at least 1.")

    def check(self, table: pd.DataFrame, treated: Booleans, weights: Floats, score: Floats) -> pd.DataFrame:
        """Return a row per gate: check, status (PASS or FAIL), figure, message.

        Parameters
        ----------
        table : pandas.DataFrame
            From :func:`~ssinfer.benchmarks.matched.balance.table.balance_table`, with the columns after adjustment.
        treated : (n,) bool
        weights : (n,)
            After adjustment; treated persons with weight 0 are unmatched.
        score : (n,)
            Propensity scores.
        """
        rows: list[tuple[str, str, float, str]] = []

        def gate(name: str, limit: float | None, figure: float, text: str, *, at_most: bool = True) -> None:
            if limit is None:
                return
            held = figure <= limit if at_most else figure >= limit
            word = "at most" if at_most else "at least"
            rows.append((f"gate: {name}", "PASS" if held else "FAIL", figure, f"{text}; {word} {limit:g}"))

        smd = next(name for name in table.columns if str(name).startswith("smd") and str(name).endswith("after"))
        worst = table[smd].abs()
        gate("smd", self.smd, float(worst.max()), f"largest |{smd}|, {worst.idxmax()}")
        ratio = table["variance_ratio after"].dropna()
        if len(ratio):
            with np.errstate(divide="ignore"):
                either = np.exp(np.abs(np.log(ratio)))
            gate("variance_ratio", self.variance_ratio, float(either.max()), f"either way, {either.idxmax()}")
        ks = table["ks after"]
        gate("ks", self.ks, float(ks.max()), f"after adjustment, {ks.idxmax()}")
        gate("equipoise", self.equipoise, equipoise(score, treated), "share of persons in equipoise", at_most=False)
        gate("matched", self.matched, float((weights[treated] > 0).mean()), "share of treated matched", at_most=False)
        size = effective_sample_size(weights[~treated])
        gate("effective_sample_size", self.effective_sample_size, size, "effective controls", at_most=False)
        return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])


def as_gates(given: BalanceGates | Mapping[str, float | bool | None] | None) -> BalanceGates | None:
    """Return gates given as such or as a table of limits; an unknown gate is refused with the nearest.

    A study file has no null: ``false`` switches a gate off.

    Examples
    --------
    >>> as_gates({"smd": 0.05, "equipoise": False}).smd
    0.05
    """
    if given is None or isinstance(given, BalanceGates):
        return given
    if not isinstance(given, Mapping):
        raise DesignError(f"gates is {given!r}; give BalanceGates(...), a table such as {{'smd': 0.1}}, or None.")
    known = [field.name for field in fields(BalanceGates)]
    for name in given:
        if name not in known:
            raise DesignError(f"There is no gate {name!r}. {did_you_mean(name, known)}")
        if given[name] is True:
            raise DesignError(f"Gate {name} is true; give its limit, or false to switch it off.")
    return BalanceGates(**{name: None if value is False else value for name, value in given.items()})
