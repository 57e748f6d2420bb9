"""compare_thresholds: every kind of threshold of one counterfactual, side by side."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError
from ssinfer.level import check_level
from ssinfer.schema import Column, FrameSchema
from ssinfer.thresholds.kind import KINDS, ThresholdKind

RATE, MONEY = "fraction of the benchmark", "EUR per insured-year"
THRESHOLD_KEY = (
    Column("kind", "text", "", "Kind of threshold."),
    Column("level", "float", "fraction", "Level of confidence or probability; NaN for a kind without levels."),
    Column("side", "text", "", "one-sided or two-sided."),
    Column("prior", "text", "", "Prior on the true savings rate; empty for a kind without priors."),
)
CASE_THRESHOLDS = FrameSchema(
    "case thresholds",
    "one row per kind, level, side and prior",
    *THRESHOLD_KEY,
    Column("rate", "float", RATE, "Threshold; NaN where there is none."),
    Column("rate_mcse", "float", RATE, "Standard error from the number of draws, at most (as of independent draws)."),
    Column("money", "float", MONEY, "Threshold."),
    Column("detectable", "float", RATE, "True saving that the threshold detects with 80% power."),
    Column("reason", "text", "", "Reason why there is no threshold."),
    Column("systematic_error", "float", RATE, "Expected absolute systematic error of the measured saving."),
    Column("systematic_error_money", "float", MONEY, "The expected absolute systematic error in money."),
)
#: Columns that only some kinds give; they come from the detail of a threshold.
FIGURES = ("rate_mcse", "detectable", "systematic_error", "systematic_error_money")


@checked()
def compare_thresholds(
    cf: Counterfactual,
    levels: Sequence[float] = (0.95, 0.90),
    placebos: pd.DataFrame | None = None,
    *,
    on_request: bool = False,
    seed: int = 1,
) -> pd.DataFrame:
    """Return every threshold that exists for a counterfactual, and the reason for each one that does not.

    The columns are those of `CASE_THRESHOLDS`, such as rate (fraction of the benchmark), money (EUR per insured-year),
    detectable (true savings rate found with 80% power) and reason.

    Parameters
    ----------
    cf : Counterfactual
    levels : levels of confidence or probability, as fractions
    placebos : DataFrame, placebo rows of a backtest of the same design and method, for kinds that learn from them
    on_request : whether to include kinds that take long, such as the posterior calibration
    seed : random seed of kinds that draw

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> draws = 100 + np.random.default_rng(1).standard_normal(4000)
    >>> table = compare_thresholds(ss.Counterfactual.from_draws(draws, "sampling", insured_years=7500), levels=[0.95])
    >>> table.loc[table["kind"] == "schedule", "rate"].round(4).item()
    0.033
    """
    levels = tuple(check_level(level) for level in levels)
    available = {"fit": True, "placebos": placebos is not None, "size": cf.assigned > 1}
    kinds = [kind for kind in KINDS.entries() if available[kind.learns_from] and (on_request or not kind.on_request)]
    rows = [row for kind in kinds for row in _rows(kind, cf, levels, placebos, seed)]
    return CASE_THRESHOLDS.frame(rows)


def _rows(
    kind: ThresholdKind, cf: Counterfactual, levels: Sequence[float], placebos: pd.DataFrame | None, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield one row per threshold of a kind; a refusal is a row without a rate."""
    learned, refused, benchmark = None, "", np.nan
    try:
        if cf.uncertainty == "none":  # a point estimate that failed a check meets no schedule either
            cf.require_dependable(f"{kind.name} threshold")
        learned, benchmark = kind.for_case(cf, placebos, seed), cf.level
    except SsinferError as refusal:
        refused = str(refusal)
    for key in kind.keys(levels):
        row = {**key.labels, "rate": np.nan, "money": np.nan, **dict.fromkeys(FIGURES, np.nan), "reason": refused}
        if learned is not None:
            try:
                threshold = learned(key)
            except SsinferError as refusal:
                row["reason"] = str(refusal)
            else:
                row["rate"], row["money"] = threshold.rate, threshold.rate * benchmark
                row |= {name: threshold.detail[name] for name in FIGURES if name in threshold.detail}
        yield row
