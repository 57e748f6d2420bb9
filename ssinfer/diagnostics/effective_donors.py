"""Effective donors: the number of units on which the benchmark rests."""

import pandas as pd

from ssinfer.arguments import Number, checked
from ssinfer.benchmarks.synthetic_control.donor_weighting import MIN_EFFECTIVE_DONORS
from ssinfer.check import Check
from ssinfer.counterfactual import Counterfactual

NAME = "effective donors"


@checked(fewest=Number(infinite=True))
def effective_donors(cf: Counterfactual, *, fewest: float = MIN_EFFECTIVE_DONORS) -> Check:
    r"""Return :math:`1 / \sum_j w_j^2` of the treated unit that rests on the fewest donors.

    A number of at least `fewest` passes. With fewer than three, one donor's own shock moves the benchmark by at least a
    third of its size. The table has one row per treated unit: effective donors, the heaviest donor and its weight, and
    the number of negative weights.

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, seed=2)
    >>> cf = ss.SyntheticControl().fit(simulated.panel, simulated.design(), seed=1)
    >>> ss.diagnostics.effective_donors(cf).status
    'PASS'
    """
    if cf.weights is None:
        return Check.not_evaluated(NAME, f"{cf.method} gives no donor weights")
    weights = cf.weights
    heaviest = {"heaviest": weights.idxmax(axis=1), "weight": weights.max(axis=1)}
    counts = {"effective_donors": 1.0 / (weights**2).sum(axis=1), **heaviest, "negative": (weights < 0).sum(axis=1)}
    table = pd.DataFrame(counts)
    row = table.iloc[int(counts["effective_donors"].to_numpy().argmin())]
    figure = float(row["effective_donors"])
    message = (
        f"{row.name}: {figure:.1f} effective donors of {weights.shape[1]} (limit {fewest:g}); the heaviest "
        f"is {row['heaviest']} ({100 * row['weight']:.0f}%)"
    )
    return Check(NAME, "PASS" if figure >= fewest else "FAIL", figure, message, table, fewest)
