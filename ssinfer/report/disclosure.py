"""Small cells: results of a group below a number of insured are never printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ssinfer.study.result import StudyResult

LEAST_UNITS = 3


def case_is_small(result: StudyResult) -> bool:
    """Return whether any period of the treated units together has fewer insured than may be shown.

    One small period hides the whole case: its other periods and its total would reveal it (complementary
    suppression). Without numbers of insured nothing can be judged, and nothing is hidden.
    """
    panel = result.panel
    if panel.insured_years is None:
        return False
    for design in result.designs.values():
        cells = panel.insured_years[design.treated_rows(panel)]
        columns = panel.columns((*design.baseline, *design.performance))
        by_period = np.nansum(cells[:, columns], axis=0)
        if (by_period < result.suppress_below).any():
            return True
    return False


def unit_is_visible(result: StudyResult, placebos: pd.DataFrame) -> NDArray[np.bool_]:
    """Return, per placebo row, whether its unit has enough insured per performance period to be drawn as a point."""
    if result.panel.insured_years is None:
        return np.ones(len(placebos), dtype=bool)
    periods = {name: len(design.performance) for name, design in result.designs.items()}
    per_period = placebos["insured_years"].to_numpy(dtype=float) / placebos["design"].map(periods).to_numpy(dtype=float)
    return np.asarray(per_period >= result.suppress_below)


def class_is_visible(n_units: float) -> bool:
    """Return whether a size class holds enough units that no single one's result can be read off."""
    return bool(n_units >= LEAST_UNITS)
