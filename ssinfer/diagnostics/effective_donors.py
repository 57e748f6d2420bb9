"""Effective donors: on how many units the benchmark really rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ssinfer.check import Check

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual

NAME = "effective donors"


def effective_donors(cf: Counterfactual, *, fewest: float = 3.0) -> Check:
    r"""Return :math:`1 / \sum_j w_j^2` of the treated unit that rests on the fewest donors.

    Parameters
    ----------
    cf : Counterfactual
        Of a method with donor weights.
    fewest : float
        Smallest number that passes: below it, one donor's own shock moves the benchmark by a third of its size or more.

    Returns
    -------
    Check
        The table has a row per treated unit: effective donors, the heaviest donor and its weight, negative weights.
    """
    if cf.weights is None:
        return Check.not_evaluated(NAME, f"{cf.method} gives no donor weights")
    weights = cf.weights
    table = pd.DataFrame(
        {
            "effective_donors": 1.0 / (weights**2).sum(axis=1),
            "heaviest": weights.idxmax(axis=1),
            "weight": weights.max(axis=1),
            "negative": (weights < 0).sum(axis=1),
        }
    )
    worst = int(table["effective_donors"].to_numpy().argmin())
    row = table.iloc[worst]
    figure = float(row["effective_donors"])
    text = f"{table.index[worst]}: {figure:.1f} effective donors of {weights.shape[1]} (limit {fewest:g}), "
    text += f"most on {row['heaviest']} ({100 * row['weight']:.0f}%)"
    return Check(NAME, "PASS" if figure >= fewest else "FAIL", figure, text, table)
