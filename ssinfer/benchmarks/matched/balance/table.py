"""The balance table, before and after, and the data of a love plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.balance.kolmogorov_smirnov import kolmogorov_smirnov
from ssinfer.benchmarks.matched.balance.smd import Denominator, standardised_mean_difference
from ssinfer.benchmarks.matched.balance.variance_ratio import variance_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.typing import Booleans, Floats


def balance_table(
    covariates: Mapping[str, Floats],
    treated: Booleans,
    weights: Floats | None = None,
    *,
    denominator: Denominator = "treated",
) -> pd.DataFrame:
    """Return a row per covariate, before and after weighting or matching.

    Parameters
    ----------
    covariates : mapping of str to array (n,)
        Put the propensity score first, under a name such as "distance", to have it in the table.
    treated : (n,) bool
    weights : (n,), optional
        Weights after adjustment; 0 leaves a person out. None: the table is of the raw groups, before only.
    denominator : "treated", "pooled" or "control"
        Standard deviation in the SMD, unadjusted in both columns; it stands in the columns' names.

    Returns
    -------
    pandas.DataFrame
        Index covariate; columns mean_treated, mean_control, ``smd (SD ...)``, variance_ratio, ks, each of the
        last three followed by ``... after`` when weights are given.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 0.0, 1.0])
    >>> balance_table({"age": x}, np.array([True, True, False, False])).round(3).loc["age"].tolist()
    [2.0, 0.5, 1.061, 4.0, 0.5]
    """
    smd = smd_header(denominator)
    rows = []
    for name, values in covariates.items():
        x = np.asarray(values, dtype=np.float64)
        row: dict[str, object] = {"covariate": name}
        order = np.argsort(x)
        row["mean_treated"], row["mean_control"] = float(x[treated].mean()), float(x[~treated].mean())
        for suffix, w in (("", None), (" after", weights)):
            if suffix and w is None:
                continue
            if w is not None:
                row["mean_treated after"] = float(np.average(x[treated], weights=w[treated]))
                row["mean_control after"] = float(np.average(x[~treated], weights=w[~treated]))
            row[smd + suffix] = standardised_mean_difference(x, treated, w, denominator=denominator)
            row["variance_ratio" + suffix] = variance_ratio(x, treated, w)
            row["ks" + suffix] = kolmogorov_smirnov(x, treated, w, order=order)
        rows.append(row)
    return pd.DataFrame(rows).set_index("covariate")


def smd_header(denominator: Denominator) -> str:
    """Return the column name of the SMD, which names its denominator."""
    return {
        "treated": "smd (SD of the treated)",
        "control": "smd (SD of the controls)",
        "pooled": "smd (pooled SD)",
    }[denominator]


def love_plot_data(table: pd.DataFrame) -> pd.DataFrame:
    """Return the points of a love plot: covariate, when, absolute SMD; covariates by falling imbalance before.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 0.0, 1.0])
    >>> love_plot_data(balance_table({"age": x}, np.array([True, True, False, False]))).round(3).values.tolist()
    [['age', 'before', 1.061]]
    """
    columns = [name for name in table.columns if str(name).startswith("smd")]
    ordered = table[columns].abs().sort_values(columns[0], ascending=False)
    labels = ["after" if str(name).endswith(" after") else "before" for name in columns]
    rows = [
        (covariate, label, float(value))
        for covariate, values in zip(ordered.index, ordered.to_numpy(), strict=True)
        for label, value in zip(labels, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["covariate", "when", "absolute_smd"])
