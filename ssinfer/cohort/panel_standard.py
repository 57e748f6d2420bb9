r"""Expected spending of the units of a panel, the standard of a case-mix correction: from cells, or from covariates.

Both learn from the units outside the contract only, in periods before its performance periods. The slopes or rates are
then fixed: expected spending of a later period moves with the case mix of the unit, not with its spending.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import TEXT, Several, checked
from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.errors import PanelError
from ssinfer.input_table import label_column, number_column, read_table
from ssinfer.names import as_names
from ssinfer.panel import Panel
from ssinfer.typing import Floats

UNITS_PER_SLOPE = 10  # least number of units from which a slope is learned
MOST_APART = 0.1  # relative difference of insured-years or mean spending between cells and panel
MOST_COLLINEAR = 1e8  # condition number of covariates in standard deviations


@checked(PanelError, by=Several(TEXT))
def expected_from_cells(
    panel: Panel,
    cells: Any,
    by: Iterable[str],
    periods: Iterable[Any],
    *,
    exclude: str | Iterable[object] = (),
    rates: Any = None,
    spending: str = "spending",
) -> Panel:
    r"""Return a panel with the covariate `expected`: spending per insured-year of each unit at the rates of its cells.

    With n insured-years and y spending per insured-year of cell c of unit i in period t, it is

    .. math:: E_{it} = \frac{\sum_c n_{itc} r_c}{\sum_c n_{itc}}, \qquad
        r_c = \frac{\sum_{j \in R, s \in B} n_{jsc} y_{jsc}}{\sum_{j \in R, s \in B} n_{jsc}}

    (indirect standardisation), with R the units outside `exclude` and B the `periods`. ``Design(standard="expected")``
    divides spending by E, relative to its mean over units. The estimand is then the saving at the unit's own case mix.
    The error of the rates is not in the draws; placebos, which have the same rates, show it.

    Parameters
    ----------
    panel : Panel
    cells : table with the columns unit, period, insured_years, those of `by`, and `spending` (mean per insured-year)
        Units and periods that the panel does not have are ignored.
    by : names of the columns that make a cell, such as ["sex", "age"]
    periods : the baseline, from which rates are learned; no period of the contract may be among them
    exclude : units under contract, which do not enter the rates
    rates : table with the columns `by` and `spending`, the reference spending per insured-year of each cell
        None: the rates are learned, and `cells` must have `spending`.
    spending : name of the column of spending

    Raises
    ------
    PanelError : a cell stands there twice, or has no rate; a cell of the panel has no cells; insured-years or mean
        spending of the cells differ from those of the panel by more than 10%

    Examples
    --------
    >>> panel = Panel(("a", "b"), (2018, 2019), [[170.0, 170.0], [450.0, 450.0]], [[100.0] * 2] * 2)
    >>> cells = pd.DataFrame({"unit": ["a", "a", "b", "b"] * 2, "period": [2018] * 4 + [2019] * 4,
    ...                       "age": ["young", "old"] * 4, "insured_years": [90.0, 10, 50, 50] * 2,
    ...                       "spending": [100.0, 800] * 4})
    >>> expected_from_cells(panel, cells, ["age"], [2018], exclude="a").covariates["expected"].tolist()
    [[170.0, 170.0], [450.0, 450.0]]
    """
    by, learned, inside = [*as_names(by)], panel.columns(periods), panel.rows(as_names(exclude))
    if not by:
        raise PanelError("by is empty: no column makes a cell. Name at least one, such as ['sex', 'age'].")
    frame = _cells(panel, cells, by, spending if rates is None else None)
    years = frame["insured_years"]

    def sums(values: Any) -> Floats:
        """Return the sum of a value per cell over the cells of each unit and period."""
        out = np.full(panel.spending.shape, np.nan)
        total = pd.Series(values, frame.index).groupby([frame["row"], frame["column"]]).sum()
        out[total.index.get_level_values(0), total.index.get_level_values(1)] = total
        return out

    total = sums(years)
    absent = np.isfinite(panel.spending) & ~(total > 0)
    if absent.any():
        row, column = np.argwhere(absent)[0]
        raise PanelError(
            f"cells have no insured-years of unit {panel.units[row]!r} in period {panel.periods[column]!r} "
            f"({absent.sum()} such cells of the panel). Add them: a unit without cells has no case mix."
        )
    if panel.insured_years is not None:
        _refuse_apart(panel, "insured-years", total, panel.insured_years, "Give all insured of the unit, in years.")
    if rates is None:
        mean = sums(years * frame["spending"]) / total
        _refuse_apart(panel, spending, mean, panel.spending, "Give the mean per insured-year of each cell.")
        rows = frame[frame["column"].isin(learned) & ~frame["row"].isin(inside)]
        money = (rows["insured_years"] * rows["spending"]).groupby([rows[name] for name in by]).sum()
        rate = money / rows.groupby(by)["insured_years"].sum()
    else:
        table = read_table(rates, [*by, spending], PanelError)
        keys = table[by].apply(label_column, args=(PanelError,)).astype(str)
        rate = pd.Series(number_column(table[spending], PanelError), pd.MultiIndex.from_frame(keys))
        if rate.index.has_duplicates:
            raise PanelError(f"rates name the cell {rate.index[rate.index.duplicated()][0]} twice. Keep one of them.")
    of_cell = rate.reindex(pd.MultiIndex.from_frame(frame[by])).to_numpy() if len(rate) else np.full(len(frame), np.nan)
    unknown = ~np.isfinite(of_cell) & (years > 0).to_numpy()
    if unknown.any():
        row = frame[unknown].iloc[0]
        where = "in the baseline of units outside the contract" if rates is None else "in rates"
        raise PanelError(
            f"Unit {panel.units[row['row']]!r} has insured of the cell {tuple(row[by])}, which has no spending {where} "
            f"({unknown.sum()} rows of cells). Join it with a neighbouring cell, or give its rate in rates."
        )
    return _with_expected(panel, sums(np.nan_to_num(of_cell) * years) / total)


@checked(PanelError)
def expected_from_covariates(
    panel: Panel, covariates: str | Iterable[str], periods: Iterable[Any], *, exclude: str | Iterable[object] = ()
) -> Panel:
    r"""Return a panel with the covariate `expected`: spending that a regression on covariates predicts.

    In `periods` B and units outside `exclude` R, weighted by insured-years n, spending y and covariates x,

    .. math:: \hat\beta = \arg\min_\beta \sum_{j \in R, t \in B} n_{jt} [(y_{jt} - \bar y_t) - (x_{jt} - \bar
        x_t)'\beta]^2, \qquad E_{it} = \bar y + (x_{it} - \bar x)'\hat\beta,

    with means over R in a period, and over R and B. Differences between periods do not enter. The covariates must be
    such that a contract does not change them: age, sex, income, not the use of care. The error of the slopes is not in
    the draws; placebos, which have the same slopes, show it.

    Parameters
    ----------
    panel : Panel with the `covariates`
    covariates : names of covariates, such as the shares of insured by age band
    periods : the baseline, from which slopes are learned; no period of the contract may be among them
    exclude : units under contract, which do not enter the regression

    Raises
    ------
    PanelError : fewer than 10 units per covariate; covariates that depend on one another; a prediction below zero

    Examples
    --------
    >>> share = np.linspace(0.1, 0.3, 20)[:, None] * np.ones(3)
    >>> panel = Panel([f"u{i}" for i in range(20)], (2017, 2018, 2019), 1000 + 5000 * share, covariates={"old": share})
    >>> expected_from_covariates(panel, ["old"], [2017, 2018], exclude="u3").covariates["expected"][3].round(2).tolist()
    [1657.89, 1657.89, 1657.89]
    """
    names, learned = as_names(covariates), panel.columns(periods)
    if not names:
        raise PanelError("covariates is empty. Name at least one, such as the share of insured aged 75 and over.")
    outside = np.setdiff1d(np.arange(len(panel.units)), panel.rows(as_names(exclude)))
    X = np.stack([panel.covariate(name) for name in names], axis=-1)
    box = np.ix_(outside, learned)
    known = np.isfinite(panel.spending[box]) & np.isfinite(X[box]).all(axis=-1)
    units = int(known.any(axis=1).sum())
    if units < UNITS_PER_SLOPE * len(names):
        raise PanelError(
            f"covariates are {list(names)}, and {units} units outside the contract have them and spending in the "
            f"baseline; at least {UNITS_PER_SLOPE} per covariate are needed. Name fewer covariates."
        )
    sizes = np.ones(known.shape) if panel.insured_years is None else panel.insured_years[box]
    slopes, mean, centre = _regression(panel.spending[box], X[box], np.where(known, sizes, 0.0), names)
    return _with_expected(panel, mean + (X - centre) @ slopes)


def _regression(y: Floats, X: Floats, weights: Floats, names: tuple[str, ...]) -> tuple[Floats, float, Floats]:
    """Return slopes (q,) within periods of y (N, T) on X (N, T, q), and the means of both; weight 0: not known."""
    y, X = np.where(weights > 0, y, 0.0), np.where((weights > 0)[..., None], X, 0.0)
    of_period = np.maximum(weights.sum(axis=0), 1e-300)
    root = np.sqrt(weights)
    Z = (root[..., None] * (X - (weights[..., None] * X).sum(axis=0) / of_period[:, None])).reshape(-1, len(names))
    u = (root * (y - (weights * y).sum(axis=0) / of_period)).ravel()
    scale = np.sqrt((Z**2).mean(axis=0))
    if not (scale > 0).all() or np.linalg.cond(Z / scale) > MOST_COLLINEAR:
        raise PanelError(
            f"covariates {list(names)} depend on one another, or one is the same for all units, so no slopes follow. "
            "Leave one out, such as one of shares that add up to one."
        )
    slopes = np.linalg.lstsq(Z / scale, u, rcond=None)[0] / scale
    total = weights.sum()
    return slopes, float((weights * y).sum() / total), (weights[..., None] * X).sum(axis=(0, 1)) / total


def _cells(panel: Panel, cells: Any, by: list[str], spending: str | None) -> pd.DataFrame:
    """Return the cells of the panel's units and periods, with the row and column of each."""
    names = ["unit", "period", *by, "insured_years", *([] if spending is None else [spending])]
    table = read_table(cells, names, PanelError)
    keys = table[["unit", "period", *by]].apply(label_column, args=(PanelError,))
    if keys.isna().to_numpy().any():
        raise PanelError(f"cells have rows without a label in one of {[*keys]}. Name or drop them first.")
    frame = keys[by].astype(str)
    rows = {label: panel.row_of.get(label, -1) for label in keys["unit"].astype(str).unique()}
    columns = {label: panel.timeline.column(label) for label in keys["period"].unique()}
    frame["row"] = keys["unit"].astype(str).map(rows)
    frame["column"] = keys["period"].map({label: -1 if n is None else n for label, n in columns.items()})
    frame["insured_years"] = number_column(table["insured_years"], PanelError)
    if spending is not None:
        frame["spending"] = number_column(table[spending], PanelError)
    frame = frame[(frame["row"] >= 0) & (frame["column"] >= 0)].reset_index(drop=True)
    wrong = ~(np.isfinite(frame.select_dtypes("number")).all(axis=1) & (frame["insured_years"] >= 0))
    twice = frame.duplicated(["row", "column", *by])
    for rows_of, what in (
        (wrong, "a number that is missing, or negative insured-years"),
        (twice, "the same cell twice"),
    ):
        if rows_of.any():
            row = frame[rows_of].iloc[0]
            where = f"unit {panel.units[row['row']]!r} in period {panel.periods[row['column']]!r}"
            raise PanelError(
                f"cells of {where} have {what}: {tuple(row[by])} ({rows_of.sum()} such rows). Correct them."
            )
    return frame


def _refuse_apart(panel: Panel, what: str, of_cells: Floats, of_panel: Floats, cure: str) -> None:
    """Refuse cells whose sums or means differ from the panel's."""
    apart = np.abs(of_cells / of_panel - 1) > MOST_APART
    if apart.any():
        row, column = np.argwhere(apart)[0]
        raise PanelError(
            f"{what} of unit {panel.units[row]!r} in period {panel.periods[column]!r} are {of_cells[row, column]:,.2f} "
            f"in cells and {of_panel[row, column]:,.2f} in the panel ({apart.sum()} differ by more than "
            f"{MOST_APART:.0%}). {cure}"
        )


def _with_expected(panel: Panel, expected: Floats) -> Panel:
    if CASE_MIX_EXPECTED in panel.covariates:
        raise PanelError(f"The panel has a covariate {CASE_MIX_EXPECTED!r} already. Rename it, or use it as it is.")
    wrong = np.isfinite(panel.spending) & (expected <= 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise PanelError(
            f"Expected spending of unit {panel.units[row]!r} in period {panel.periods[column]!r} is "
            f"{expected[row, column]:,.2f} ({wrong.sum()} such cells); it must be positive. Choose others."
        )
    return replace(panel, covariates={**panel.covariates, CASE_MIX_EXPECTED: expected})
