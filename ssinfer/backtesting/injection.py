"""Injected savings: a known true saving, subtracted from a unit's performance spending."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.errors import DesignError

if TYPE_CHECKING:
    from ssinfer.design import Design
    from ssinfer.panel import Panel


def inject_saving(panel: Panel, design: Design, saving: float) -> Panel:
    """Return the panel with the treated units' performance spending lowered by the share `saving`.

    Y = (1 - s) Y(0) in every performance period. A backtest does not need it, because no benchmark draw
    depends on that spending, so that M moves by exactly s Y(0); it is the end-to-end test that this is so.

    Parameters
    ----------
    panel : Panel
    design : Design
    saving : float
        True savings rate s as a fraction of Y(0), below 1; negative for a loss.
    """
    if not -1 < saving < 1:
        raise DesignError(f"saving is {saving}; a fraction between -1 and 1 is needed, such as 0.03.")
    spending = panel.spending.copy()
    cells = np.ix_(design.treated_rows(panel), panel.columns(design.performance))
    spending[cells] *= 1.0 - saving
    return replace(panel, spending=spending)
