"""BacktestResult: the frames of a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.backtesting.frames import by_pair, rows_with
from ssinfer.backtesting.operating_characteristics import ranking
from ssinfer.drawing import draw, frame_of
from ssinfer.notebook import as_html


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult:
    """Result of a backtest. The columns of its frames are declared in :mod:`ssinfer.backtesting.frames`.

    Attributes
    ----------
    scores : one row per design, method and size class, at a true saving of zero
    detection : one row per design, method, size class, threshold and injected saving
    thresholds : one row per design, method, size class and threshold
    placebos : one row per design, method, unit and origin; refused and failed fits have a reason
    errors : relative null errors E0 / Bbar of each row of `placebos` (rows, draws), thinned; NaN where there are none
    seed : random seed of the backtest
    seconds : mean computing time of a fit by design and method, which is in no other frame
    paths : one row per design, method, placebo unit, origin and period, if they were asked for
    """

    scores: pd.DataFrame
    detection: pd.DataFrame
    thresholds: pd.DataFrame
    placebos: pd.DataFrame
    errors: NDArray[np.float32]
    seed: int
    seconds: "pd.Series[float]" = field(default_factory=lambda: pd.Series(dtype=float))
    paths: pd.DataFrame = field(default_factory=pd.DataFrame)

    def ranking(self) -> pd.DataFrame:
        """Return designs and methods by detection at cross-fitted false payments of 5%."""
        return ranking(self.thresholds)

    def plot_placebos(self, *, ax: Any = None) -> Any:
        """Draw the measured savings of placebo contracts by design and method; return a matplotlib Figure.

        `ax` is a matplotlib Figure or SubFigure to draw into and return, or an Axes if there is one panel.
        """
        return draw("placebo_savings", frame_of("placebo_savings", self), ax)

    def plot_false_payments(self, *, ax: Any = None) -> Any:
        """Draw promised and measured false payment rates by threshold, in `ax` as of :meth:`plot_placebos`."""
        return draw("false_payments", frame_of("false_payments", self), ax)

    def plot_detection(self, *, ax: Any = None) -> Any:
        """Draw the share of placebo contracts paid by true saving, in `ax` as of :meth:`plot_placebos`.

        The lines are one-sided thresholds at the highest level, and those without a level. The savings are `injected`
        of :func:`~ssinfer.backtesting.backtest.backtest`. Shaded: 95% intervals, where standard errors are known.
        """
        return draw("detection", frame_of("detection", self), ax)

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Errors of placebos and their payments at the placebo threshold, for the package maketables."""
        rows: dict[str, Any] = {}
        level = self.thresholds["level"].max()
        placebo = rows_with(self.thresholds, kind="placebo", side="one-sided", level=level)
        for frame, names, suffix in ((self.scores, ("bias", "sd"), "mcse"), (placebo, ("false_payment_rate",), "se")):
            for name, part in by_pair(frame, size_class="all"):
                rows |= {f"{name}, {each}": part[[each, f"{each}_{suffix}"]].iloc[0].tolist() for each in names}
        return pd.DataFrame(rows, ["b", "se"], dtype=float).T.assign(t=np.nan, p=np.nan)

    def __maketables_stat__(self, key: str) -> Any:
        """Return a row below the table of maketables: N, the number of fits."""
        return len(self.placebos) if key == "N" else None

    __maketables_depvar__ = "Measured savings rate of placebos"

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label: the size, and what each threshold of the highest level pays."""
        rows, numbers = self.placebos, {}
        for name, part in by_pair(self.thresholds, size_class="all", side="one-sided"):
            for _, row in part[part["level"] == part["level"].max()].iterrows():
                label = f"{name}: {row['kind']} {100 * row['level']:g}% {row['prior']}".rstrip()
                numbers[label] = f"pays {100 * row['false_payment_rate']:.1f}% of contracts without savings"
        refused, failed = (int((rows["status"] == status).sum()) for status in ("refused", "failed"))
        return {
            "studied": f"{rows['design'].nunique()} designs x {rows['method'].nunique()} methods",
            "placebos": f"{rows['unit'].nunique()} units x {rows['origin'].nunique()} origins",
            "fits": f"{len(rows)} fits ({refused} refused, {failed} failed)",
            **numbers,
        }

    def __repr__(self) -> str:
        return f"BacktestResult: {', '.join([*self.facts().values()][:3])}"

    _repr_html_ = as_html


def join_results(results: Sequence[BacktestResult]) -> BacktestResult:
    """Concatenate results of several designs, methods or definitions of spending."""
    if len(results) == 1:
        return results[0]
    frames = {
        name: pd.concat([getattr(result, name) for result in results], ignore_index=True)
        for name in ("scores", "detection", "thresholds", "placebos", "paths")
    }
    parts = [pd.DataFrame(result.errors) for result in results]  # a part with fewer draws is filled with NaN
    errors = pd.concat(parts).to_numpy(dtype=np.float32)
    seconds = pd.concat([result.seconds for result in results])
    return BacktestResult(**frames, errors=errors, seed=results[0].seed, seconds=seconds)
