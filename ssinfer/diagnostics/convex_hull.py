"""Convex hull: whether donors can reproduce the treated unit's baseline without extrapolation."""

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, checked
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.synthetic_control.hull import NAME, TOLERANCE, distance_from_hull
from ssinfer.check import Check
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.panel import Panel


@checked(tolerance=Number(infinite=True))
def convex_hull(panel: Panel, design: Design, *, tolerance: float = TOLERANCE) -> Check:
    """Measure the distance of the treated unit's baseline from the hull of its donors.

    `figure` of the check is the distance, a fraction of mean baseline spending. The table gives the donors' range per
    baseline period. To lie inside the range in each period is necessary, but not sufficient, for lying in the hull.

    Parameters
    ----------
    panel, design : Panel, and Design with one treated unit
    tolerance : largest root mean squared distance that passes, as a fraction of mean baseline spending

    Examples
    --------
    >>> import ssinfer as ss
    >>> simulated = ss.simulation.simulate_panel(25, range(2005, 2018), start=2016, seed=2)
    >>> check = ss.diagnostics.convex_hull(simulated.panel, simulated.design())
    >>> check.status, round(check.figure, 3)
    ('FAIL', 0.016)
    """
    if len(design.treated) > 1:
        return Check.not_evaluated(NAME, f"{len(design.treated)} treated units. Give one design per unit")
    try:
        problem = Problem.of(panel, design)
    except SsinferError as error:
        return Check.not_evaluated(NAME, error)
    treated, donors, baseline = problem.treated[0], problem.donors, problem.periods(problem.baseline)
    Y = problem.spending[:, problem.baseline].T
    if donors.size < 2:
        return Check.not_evaluated(NAME, f"{donors.size} donors with complete spending; at least 2 are needed")
    distance = distance_from_hull(Y[:, np.append(treated, donors)])
    spending, Y = Y[:, treated], Y[:, donors]
    lowest, highest = Y.min(axis=1), Y.max(axis=1)
    in_range = (lowest <= spending) & (spending <= highest)
    ranges = {"lowest_donor": lowest, "highest_donor": highest, "in_range": in_range}
    table = pd.DataFrame({"period": baseline, "spending": spending, **ranges})
    message = (
        f"{design.treated[0]} is {100 * distance:.2f}% from the hull of {donors.size} donors (limit "
        f"{100 * tolerance:g}%); outside their range in {int((~in_range).sum())} of {len(baseline)} baseline periods"
    )
    return Check(NAME, "PASS" if distance <= tolerance else "FAIL", distance, message, table, tolerance)
