"""Balance table of covariates before and after adjustment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.balance.measures import (
    kolmogorov_smirnov,
    standardised_mean_difference,
    variance_ratio,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats

SMD = "smd (SD of the treated)"  # the header names the denominator
AFTER = " after"


def balance_table(covariates: Mapping[str, Floats], treated: Booleans, weights: Floats | None = None) -> pd.DataFrame:
    """Return the balance of each covariate (n,), one row each, before and after weighting or matching.

    Columns are mean_treated, mean_control, smd (SD of the treated), variance_ratio and ks. With weights (0 leaves a
    person out) each has a second column whose name ends in "after".
    """
    stages: dict[str, Floats | None] = {"": None} if weights is None else {"": None, AFTER: weights}
    rows = []
    for name, values in covariates.items():
        x = np.asarray(values, dtype=np.float64)
        order = np.argsort(x)
        row: dict[str, object] = {"covariate": name}
        for suffix, w in stages.items():
            for group, members in (("treated", treated), ("control", ~treated)):
                of_group = None if w is None else w[members]
                row[f"mean_{group}{suffix}"] = float(np.average(x[members], weights=of_group))
            row[SMD + suffix] = standardised_mean_difference(x, treated, w)
            row["variance_ratio" + suffix] = variance_ratio(x, treated, w)
            row["ks" + suffix] = kolmogorov_smirnov(x, treated, w, order=order)
        rows.append(row)
    return pd.DataFrame(rows).set_index("covariate")
