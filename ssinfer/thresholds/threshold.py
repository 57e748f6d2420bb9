"""Threshold: the smallest measured saving that counts as real."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssinfer.arguments import Number, Optional, checked
from ssinfer.errors import RefusalError
from ssinfer.notebook import as_html
from ssinfer.savings import money

_RATE = Number(infinite=True, missing=True)


@checked(rate=_RATE, money=Optional(_RATE))
@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The savings threshold: a measured savings rate M / Bbar of at least `rate` is paid.

    Attributes
    ----------
    rate : fraction of the benchmark
    kind : name of the threshold kind, such as "credible" or "placebo"
    money : the same per insured-year, rate x Bbar; None where no benchmark is known (a schedule)
    level : nominal level, a fraction
    side : "one-sided" or "two-sided"
    prior : prior on the true savings rate, in words, for kinds with priors
    detail : further figures of the kind, such as standard error, detectable saving and loss curve
    """

    rate: float
    kind: str
    money: float | None = None
    level: float | None = None
    side: str = "one-sided"
    prior: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if math.isnan(self.rate):
            raise RefusalError(
                f"The {self.kind} threshold is NaN. Look for NaN in draws of the benchmark and placebos."
            )

    def __float__(self) -> float:
        return self.rate

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        amount = "" if self.money is None else f" = {money(self.money)} per insured-year"
        kind = self.kind if self.level is None else f"{self.kind} {100 * self.level:g}%"
        return {"threshold": f"{100 * self.rate:.2f}%{amount}", "kind": kind, "side": self.side, "prior": self.prior}

    def __repr__(self) -> str:
        threshold, kind, side, prior = self.facts().values()
        return f"Threshold {threshold} ({kind}, {side}{'' if prior is None else f', prior {prior}'})"

    _repr_html_ = as_html
