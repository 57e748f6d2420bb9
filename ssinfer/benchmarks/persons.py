"""What methods on persons share: the data they take, the panel of a cohort, and the least number of practices."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ssinfer.check import Check, Status
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import DataError, NotSupportedError, RefusalError
from ssinfer.panel import Panel
from ssinfer.typing import Floats

MIN_PRACTICES = 20
MIN_PRACTICES_WITHOUT_WARNING = 40

_panels: WeakKeyDictionary[Cohort, Panel] = WeakKeyDictionary()


def panel_of(cohort: Cohort) -> Panel:
    """Return the panel into which a cohort is aggregated, made once: a backtest applies many designs to one cohort."""
    if cohort not in _panels:
        _panels[cohort] = cohort.to_panel()
    return _panels[cohort]


def require_cohort(data: Any, design: Design, method: str) -> None:
    """Refuse data without persons, and designs that no method on persons supports."""
    if not hasattr(data, "to_panel"):
        if hasattr(data, "units") and hasattr(data, "spending"):
            raise NotSupportedError(
                "A panel", f"{method}, which needs persons", "Give the Cohort from which the panel was aggregated."
            )
        raise DataError(f"{method} received a {type(data).__name__}; a Cohort is needed.")
    if design.starts:
        raise NotSupportedError("A staggered start", method, "Give one design per start.")
    if design.standard is not None:
        raise NotSupportedError(
            "Design(standard=...)", f"{method}, which compares persons of like case mix", "Name it among covariates."
        )


def level_slope(error: Floats, level: Floats, weights: Floats) -> tuple[float, float]:
    """Return the weighted slope of placebo errors (G,) on the log of the level, and its robust standard error."""
    x = level - np.average(level, weights=weights)
    information = float((weights * x**2).sum())
    slope = float((weights * x * error).sum()) / information
    residual = error - np.average(error, weights=weights) - slope * x
    return slope, float(np.sqrt((weights**2 * x**2 * residual**2).sum())) / information


def practice_check(present: Sequence[str], n_treated: int) -> Check:
    """Return whether the comparison practices with persons suffice, or refuse fewer than 20."""
    if len(present) < MIN_PRACTICES:
        raise RefusalError(
            f"{len(present)} comparison practices have persons in the design "
            f"({', '.join(present[:4])}, ...); at least {MIN_PRACTICES} are needed. With fewer, 95% "
            "intervals that are clustered by practice cover 90% or less. "
            "Widen the comparison group, or use a panel method on the aggregated data."
        )
    text = f"{len(present)} comparison units (practices or groups of them), {n_treated} treated"
    status: Status = "PASS" if len(present) >= MIN_PRACTICES_WITHOUT_WARNING else "WARN"
    if status == "WARN":
        few = f"with fewer than {MIN_PRACTICES_WITHOUT_WARNING}, intervals cover less than their level"
        text += f"; {few} (92% at a level of 95% with 20)"
    return Check("practices", status, len(present), text, limit=MIN_PRACTICES_WITHOUT_WARNING)
