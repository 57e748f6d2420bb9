"""Frame of the figure of thresholds by number of insured-years."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.figures.threshold_by_size import DESIGN, GROUP, LARGEST, SAMPLING, SCHEDULE, SMALLEST
from ssinfer.report.analysis import Analysis
from ssinfer.report.figure_frame import ReportFigure
from ssinfer.sentences import say
from ssinfer.thresholds.schedule import minimum_savings_rate

Z = 1.6448536269514722


def frame(analysis: Analysis) -> pd.DataFrame:
    """Return the thresholds of each design by size, without the group shock, by schedule, and of the contract group."""
    if not analysis.noise:
        return pd.DataFrame()
    n = np.geomspace(SMALLEST, LARGEST, 400)
    lines: list[dict[str, Any]] = []
    for pair, noise in analysis.noise.items():
        c = noise.components
        curve = Z * np.sqrt(c.k**2 / n + c.shock**2)
        observed = (n >= c.smallest) & (n <= c.largest)
        lines.append({"item": DESIGN, "name": analysis.label(pair), "threshold": curve, "observed": observed})
    first = next(iter(analysis.noise.values())).components
    lines.append(
        {"item": SAMPLING, "name": say("figure.threshold_by_size.sampling"), "threshold": Z * first.k / np.sqrt(n)}
    )
    schedule = [minimum_savings_rate(size) for size in n]
    lines.append({"item": SCHEDULE, "name": say("figure.threshold_by_size.schedule"), "threshold": schedule})
    parts = [pd.DataFrame({"insured_years": n, "observed": False, **line}) for line in lines]
    settles, years = analysis.verdict.threshold, analysis.insured_years(analysis.main)
    if settles is not None and settles["rate"] is not None and years is not None:
        group = {"item": GROUP, "name": analysis.group, "threshold": settles["rate"], "observed": False}
        parts.append(pd.DataFrame([{"insured_years": years, **group}]))
    return pd.concat(parts, ignore_index=True)


FRAME = ReportFigure(name="threshold_by_size", section="advice", order=26, frame=frame)
