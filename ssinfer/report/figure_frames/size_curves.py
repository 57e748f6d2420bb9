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
    lines: list[tuple[Any, ...]] = []
    for pair, noise in analysis.noise.items():
        c = noise.components
        observed = (n >= c.smallest) & (n <= c.largest)
        lines.append((n, DESIGN, analysis.label(pair), Z * np.sqrt(c.k**2 / n + c.shock**2), observed))
    sampling = Z * next(iter(analysis.noise.values())).components.k / np.sqrt(n)
    lines.append((n, SAMPLING, say("figure.threshold_by_size.sampling"), sampling, False))
    schedule = [minimum_savings_rate(size) for size in n]
    lines.append((n, SCHEDULE, say("figure.threshold_by_size.schedule"), schedule, False))
    settles, years = analysis.verdict.threshold, analysis.insured_years(analysis.main)
    if settles is not None and settles["rate"] is not None and years is not None:
        lines.append(([years], GROUP, analysis.group, settles["rate"], False))
    names = ("insured_years", "item", "name", "threshold", "observed")
    return pd.concat([pd.DataFrame(dict(zip(names, line, strict=True))) for line in lines], ignore_index=True)


FRAME = ReportFigure(name="threshold_by_size", section="advice", order=26, frame=frame, data="placebos.parquet")
