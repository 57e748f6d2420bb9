"""Threshold: the smallest measured saving that counts as real."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The savings threshold: a measured savings rate M / Bbar of at least `rate` is paid.

    Attributes
    ----------
    rate : float
        Threshold as a fraction of the benchmark.
    money : float or None
        The same per insured-year, rate x Bbar; None where no benchmark is known (a schedule).
    kind : str
        Name of the threshold kind, such as "credible" or "placebo".
    level : float or None
        Nominal level as a fraction.
    side : str
        "one-sided" or "two-sided".
    prior : str or None
        Prior on the true savings rate, in words, for kinds with priors.
    detail : mapping
        Further figures of the kind: standard errors, detectable saving, loss curve, ...
    """

    rate: float
    kind: str
    money: float | None = None
    level: float | None = None
    side: str = "one-sided"
    prior: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __float__(self) -> float:
        """Return the rate."""
        return self.rate

    def __repr__(self) -> str:
        level = "" if self.level is None else f" {100 * self.level:g}%"
        money = "" if self.money is None else f" = {self.money:,.2f} per insured-year"
        prior = "" if self.prior is None else f", prior {self.prior}"
        return f"Threshold {100 * self.rate:.2f}%{money} ({self.kind}{level}, {self.side}{prior})"
