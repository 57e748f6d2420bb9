"""Columns of the frames that a backtest returns and a study writes; rows by their labels."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import mean_and_error
from ssinfer.schema import Column, FrameSchema
from ssinfer.thresholds.compare import MONEY, RATE, THRESHOLD_KEY
from ssinfer.typing import Floats

SHARE = "fraction"
ELASTICITY = "Fall of the counted spending per unit of a saving spread over all claim lines; 1 without truncation."

DESIGN_AND_METHOD = (
    Column("design", "text", "", "Name of the design."),
    Column("method", "text", "", "Name of the benchmark method."),
)
SIZE_CLASS = Column("size_class", "text", "", 'Class of insured persons; "all" for placebos of every size.')


def with_error(name: str, unit: str, meaning: str, suffix: str = "se") -> tuple[Column, Column]:
    """Return a column, and the column of its block-bootstrap standard error."""
    error = Column(f"{name}_{suffix}", "float", unit, f"Block-bootstrap standard error of `{name}`.")
    return Column(name, "float", unit, meaning), error


def rows_with(frame: pd.DataFrame, **labels: Any) -> pd.DataFrame:
    """Return the rows with the given value in each of the named columns."""
    chosen = np.ones(len(frame), dtype=bool)
    for name, value in labels.items():
        chosen &= (frame[name] == value).to_numpy(dtype=bool)
    return frame[chosen]


def by_pair(frame: pd.DataFrame, **labels: Any) -> Iterator[tuple[str, pd.DataFrame]]:
    """Return the name of each design and method, as far as there are several, and its rows with the given values."""
    rows = rows_with(frame, **labels)
    several = [name for name in ("design", "method") if len(frame[name].unique()) > 1] or ["method"]
    for key, part in rows.groupby(several, sort=False, observed=True):
        yield ", ".join(map(str, key)), part


def means_with_errors(columns: Mapping[str, Any], blocks: Any, rng: np.random.Generator) -> dict[str, float]:
    """Return the mean of each column (R,), and as `NAME_se` its block-bootstrap error, by the label of each block."""
    codes = np.unique(blocks, return_inverse=True)[1].astype(np.intp)
    means, ses = mean_and_error(np.column_stack([*columns.values()]).astype(float), codes, rng)
    named = zip((*columns, *(f"{name}_se" for name in columns)), (*means.tolist(), *ses.tolist()), strict=True)
    return dict(named)


def relative_spending(rows: pd.DataFrame) -> Floats:
    """Return y (R,): by what the measured rate of placebos rises per unit of a true saving, spread over all lines."""
    return (rows["spending"] / rows["benchmark"] * rows.get("elasticity", 1.0)).to_numpy(dtype=float)


SCORES = FrameSchema(
    "scores.csv",
    "one row per design, method and size class",
    *DESIGN_AND_METHOD,
    SIZE_CLASS,
    Column("injected", "float", SHARE, "True savings rate; always 0. See detection.csv for others."),
    Column("n_units", "int", "", "Placebo units with an estimate."),
    Column("n_origins", "int", "", "Origins (first performance periods) with an estimate."),
    Column("n_rows", "int", "", "Placebo fits, including refused and failed ones."),
    Column("n_refused", "int", "", "Placebo fits that the method refused."),
    Column("n_failed", "int", "", "Placebo fits that ended in an unforeseen error."),
    *with_error("bias", RATE, "Mean error of the measured saving.", "mcse"),
    *with_error("rmse", RATE, "Root mean squared error of the measured saving.", "mcse"),
    *with_error("sd", RATE, "Standard deviation of the error of the measured saving.", "mcse"),
    *with_error("bias_money", MONEY, "Mean error of the measured saving.", "mcse"),
    Column("bias_sd_between", "float", RATE, "SD of the error that persists in a unit; NaN with one origin."),
    *with_error(
        "level_slope",
        "ratio",
        "Slope b of the error e of the measured saving on the lasting level: b = cov(e, z) / cov(x, z) over placebos, "
        "with x `relative_level` and z `relative_level_outside`, whose noise is not that of x or e. A contract whose "
        "lasting level is 15% above the others is measured 0.15 b too high.",
    ),
    Column("bias_case", "float", RATE, "Mean measured saving of the case in windows before its contract."),
    Column("bias_case_sd", "float", RATE, "SD of the measured saving of the case over these windows."),
    Column("bias_selected_{trait}", "float", RATE, "Mean error of placebos in the case's decile of a trait."),
    *with_error("coverage_{level:g}", SHARE, "Share of central intervals that include the observed spending."),
    *with_error("width_90", RATE, "Mean width of the central 90% interval."),
    *with_error("interval_score_90", RATE, "Mean interval score of the central 90% interval; lower is better."),
    *with_error("crps", RATE, "Mean continuous ranked probability score; lower is better."),
)

DETECTION = FrameSchema(
    "detection.csv",
    "one row per design, method, size class, threshold and injected saving",
    *DESIGN_AND_METHOD,
    SIZE_CLASS,
    *THRESHOLD_KEY,
    Column("injected", "float", SHARE, "True saving, of the spending without the contract and before truncation."),
    Column("n_rows", "int", "", "Placebo contracts with a threshold of this kind."),
    *with_error("detection_rate", SHARE, "Share of contracts paid at this true saving; at 0, of false payments."),
    Column("detection_rate_refused_unpaid", "float", SHARE, "The same, with refused placebos counted as not paid."),
)

THRESHOLDS = FrameSchema(
    "thresholds.csv",
    "one row per design, method, size class and threshold",
    *DESIGN_AND_METHOD,
    SIZE_CLASS,
    *THRESHOLD_KEY,
    Column("n_rows", "int", "", "Placebo contracts with a threshold of this kind."),
    Column("n_without_threshold", "int", "", "Estimated placebos without such a threshold.", "n_without_gate"),
    Column("n_units", "int", "", "Placebo units with a threshold of this kind."),
    Column("n_origins", "int", "", "Origins with a threshold of this kind."),
    *with_error("threshold", RATE, "Mean threshold; NaN if some are infinite."),
    Column("elasticity", "float", "", ELASTICITY),
    *with_error("threshold_true", RATE, "Mean threshold over elasticity: the true saving, before truncation, at it."),
    *with_error("threshold_money", MONEY, "Mean threshold."),
    *with_error("threshold_less_bias", RATE, "Mean threshold less the mean measured saving."),
    *with_error("threshold_less_bias_money", MONEY, "Mean threshold less the mean measured saving."),
    Column("no_threshold_rate", "float", SHARE, "Share of infinite thresholds, which never pay.", "no_gate_rate"),
    Column("no_threshold_rate_se", "float", SHARE, "Its block-bootstrap standard error.", "no_gate_rate_se"),
    *with_error("false_payment_rate", SHARE, "Share of contracts paid although nothing was saved."),
    *with_error("detection_rate_{saving:g}", SHARE, "Share of contracts paid at a true saving (in per cent)."),
    *with_error("expected_overpayment", RATE, "Mean bonus paid although nothing was saved."),
    *with_error("expected_overpayment_money", MONEY, "Mean bonus paid although nothing was saved."),
    *with_error("expected_overpayment_total", "EUR per contract", "The same over all insured-years."),
    *with_error("expected_underpayment_{due:g}", RATE, "Mean bonus due and not paid at a true saving."),
    *with_error("expected_underpayment", RATE, "Mean bonus due and not paid, over the injected savings."),
    *with_error("expected_underpayment_money", MONEY, "Mean bonus due and not paid, over the injected savings."),
    *with_error("expected_underpayment_total", "EUR per contract", "The same over all insured-years."),
    Column("false_payment_rate_refused_unpaid", "float", SHARE, "Refused placebos count as not paid."),
    Column("detection_rate_{saving:g}_refused_unpaid", "float", SHARE, "Refused placebos count as not paid."),
)

PLACEBOS = FrameSchema(
    "placebos.parquet",
    "one row per design, method, unit and origin",
    *DESIGN_AND_METHOD,
    Column("unit", "label", "", "The unit in the place of the treated unit."),
    Column("origin", "label", "", "First performance period of the window."),
    Column("role", "text", "", "placebo, or case for the treated units' own windows before their contract."),
    Column("block", "int", "", "Number of the block of neighbouring units."),
    Column("status", "text", "", "ok, refused or failed."),
    Column("reason", "text", "", "Reason of a refusal or failure."),
    Column("uncertainty", "text", "", "posterior, sampling or none."),
    Column("insured_years", "float", "insured-years", "Insured-years of the performance periods."),
    Column("assigned", "float", "persons", "Mean number of insured per year."),
    Column("benchmark", "float", MONEY, "Mean benchmark."),
    Column("spending", "float", MONEY, "Observed spending."),
    Column("saving", "float", MONEY, "Mean benchmark less observed spending."),
    Column("savings_rate", "float", RATE, "Measured saving."),
    Column("elasticity", "float", "", ELASTICITY),
    Column("relative_level", "float", "ratio", "Mean spending in the baseline over the mean of the other units."),
    Column("relative_level_outside", "float", "ratio", "The same in all periods outside the window, without masked."),
    Column("standard_error", "float", RATE, "Standard error of the measured saving, from the fit."),
    Column("pit", "float", SHARE, "Share of null errors below the measured saving."),
    Column("width_90", "float", RATE, "Width of the central 90% interval."),
    Column("interval_score_90", "float", RATE, "Interval score of the central 90% interval."),
    Column("crps", "float", RATE, "Continuous ranked probability score."),
    Column("covers_{level:g}", "float", "", "1 if the central interval includes the observed spending, else 0."),
    Column("threshold_{key}", "float", RATE, "Threshold by kind, level, side and prior.", "gate_{key}"),
    Column("selected_{trait}", "bool", "", "Whether the placebo is in the case's decile of a trait."),
)

PATH = (
    Column("unit", "label", "", "The treated unit, or the placebo unit in its place."),
    Column("origin", "label", "", "First performance period of the window."),
    Column("period", "label", "", "Period that is not masked."),
    Column("phase", "text", "", "baseline or performance."),
    Column("observed", "float", MONEY, "Observed spending."),
    Column("benchmark", "float", MONEY, "Fitted value in the baseline (NaN: there is none), else mean benchmark."),
)
PLACEBO_PATHS = FrameSchema(
    "placebo_paths.parquet", "one row per design, method, estimated placebo and period", *DESIGN_AND_METHOD, *PATH
)

PARETO = FrameSchema(
    "pareto",
    "one row per design, method, kind of threshold and prior",
    *DESIGN_AND_METHOD,
    *(column for column in THRESHOLD_KEY if column.name in ("kind", "prior")),
    Column("n_rows", "int", "", "Placebo contracts with a threshold."),
    *with_error("false_payment_rate", SHARE, "Share of contracts paid although nothing was saved."),
    *with_error("detection_rate", SHARE, "Share of contracts paid at the true saving asked for."),
    Column("abs_bias_case", "float", RATE, "Absolute mean saving of the case before its contract."),
    Column("bias_sd_between", "float", RATE, "SD of the error that persists in a unit."),
    Column("abs_bias_selected", "float", RATE, "Largest absolute bias among placebos like the case."),
    Column("dominated", "bool", "", "Whether another row is at least as good everywhere and better somewhere."),
)

ADVICE = FrameSchema(
    "advice.csv",
    "one row per specification at the stated level and side, and per rule that needs no threshold",
    *DESIGN_AND_METHOD,
    Column("definition", "text", "", "Population and spending, within which the simplest of the best is advised."),
    Column("kind", "text", "", 'Kind of threshold; "never pay" and "pay every saving" for the advised design.'),
    *(column for column in THRESHOLD_KEY if column.name in ("level", "side", "prior")),
    *with_error("false_payment_rate", SHARE, "Share of contracts paid although nothing was saved."),
    *with_error("detection_rate", SHARE, "Share of contracts paid at the target saving."),
    *with_error("difference", SHARE, "Detection rate of the best one less this one, paired; not judged is not found."),
    Column("n_rows", "int", "placebos", "Placebo contracts that it judges."),
    Column("n_unjudged", "int", "placebos", "Those without an estimate or threshold. The rates leave them out."),
    Column("admitted", "bool", "", "Whether it may be advised: no test at 5% finds that it pays more than the share."),
    Column("advised", "bool", "", "Whether it is advised, chosen on all windows."),
)

BACKTEST_TABLES = (SCORES, DETECTION, THRESHOLDS, PLACEBOS, PLACEBO_PATHS, ADVICE)
