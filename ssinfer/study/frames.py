"""Columns of the tables in a study's output folder."""

from ssinfer.backtesting.frames import DESIGN_AND_METHOD, DETECTION, PLACEBOS, SCORES, SHARE, THRESHOLDS
from ssinfer.schema import Column, FrameSchema
from ssinfer.thresholds.compare import CASE_THRESHOLDS as THRESHOLDS_OF_FIT
from ssinfer.thresholds.compare import MONEY, RATE

DEFINITION = Column("definition", "text", "", "Name of the definition of spending.")
CURRENCY = "EUR"

SAVINGS = FrameSchema(
    "savings.csv",
    "one row per design and method",
    (
        *DESIGN_AND_METHOD,
        Column("status", "text", "", "ok, refused (no fit), or sealed (no performance spending of the treated units)."),
        Column("reason", "text", "", "Reason of the status, or the failed check for which there is no interval."),
        Column("benchmark", "float", MONEY, "Expected spending without the contract."),
        Column("spending", "float", MONEY, "Observed spending of the treated units in the performance period."),
        Column("saving", "float", MONEY, "Benchmark less spending."),
        Column("savings_rate", "float", RATE, "Saving over benchmark."),
        Column("lower", "float", MONEY, "Lower end of the 95% interval of the saving; NaN for a point estimate."),
        Column("upper", "float", MONEY, "Upper end of the 95% interval of the saving; NaN for a point estimate."),
        Column("completion_error", "float", SHARE, "Relative standard error of the completion factor."),
        Column("insured_years", "float", "insured-years", "Insured-years of the performance period."),
        Column("total", "float", CURRENCY, "Saving times insured-years."),
    ),
)
CASE_THRESHOLDS = FrameSchema(
    "case_thresholds.csv",
    "one row per design, method and threshold of the contract itself",
    (
        *DESIGN_AND_METHOD,
        *THRESHOLDS_OF_FIT.columns,
        Column("measured", "float", RATE, "Measured savings rate; NaN if the performance spending is sealed."),
        Column("passed", "bool", "", "Whether the measured rate reaches the threshold; empty if there is none."),
    ),
)
SETTLEMENT = FrameSchema(
    "settlement.csv",
    "one row per design, method and party; no rows if the study names no contract",
    (
        *DESIGN_AND_METHOD,
        Column("contract", "text", "", "Name of the contract."),
        Column("party", "text", "", "A party of the contract; empty if nothing could be settled."),
        Column("amount", "float", CURRENCY, "Money that the party receives; negative if it pays. Amounts add up to 0."),
        Column("threshold", "float", RATE, "Threshold of the study, by which the contract settles.", "gate"),
        Column("reason", "text", "", "Why this amount is paid, or why nothing could be settled."),
    ),
)
ATTRITION = FrameSchema(
    "attrition.csv",
    "one row per definition of spending and reason: from all rows of the tables to those that count",
    (
        DEFINITION,
        Column("step", "text", "", "First row, exclusions by step, last row (counted). The exclusions add up."),
        Column("reason", "text", "", "Reason of the exclusion."),
        Column("persons", "int", "persons", "Persons."),
        Column("insured_days", "int", "days", "Insured days."),
        Column("insured_years", "float", "insured-years", "Insured-years."),
        Column("lines", "int", "claim lines", "Claim lines."),
        Column("cents", "int", "cents", "Spending, exact."),
        Column("euros", "float", CURRENCY, "Spending."),
    ),
)
TRUNCATION = FrameSchema(
    "truncation.csv",
    "one row per definition of spending and calendar year",
    (
        DEFINITION,
        Column("year", "int", "", "Calendar year."),
        Column("cap", "float", MONEY, "Limit on a person's spending."),
        Column("share_above", "float", SHARE, "Share of insured-years above the cap."),
        Column("cut", "float", CURRENCY, "Spending that is cut."),
        Column("share_cut", "float", SHARE, "Spending that is cut, as a share of all spending."),
    ),
)
OWN_COSTS = FrameSchema(
    "own_costs.csv",
    "one row per definition of spending, unit and period",
    (
        DEFINITION,
        Column("unit", "text", "", "Unit under contract."),
        Column("period", "label", "", "Period."),
        Column("lines", "int", "claim lines", "Claim lines of the contract's own fees and programme costs."),
        Column("spending", "float", CURRENCY, "Their amount, which is no spending of the benchmark."),
    ),
)
TRUTH = FrameSchema(
    "truth.csv",
    "one row per design; simulated claims only",
    (
        DESIGN_AND_METHOD[0],
        Column("total", "float", CURRENCY, "True saving."),
        Column("per_insured_year", "float", MONEY, "True saving."),
        Column("rate", "float", "fraction of spending without the contract", "True savings rate."),
    ),
)
INTACT_GROUPS = FrameSchema(
    "intact_groups.csv",
    "one row per kind of group, of persons outside the contract",
    (
        Column("kind", "text", "", "Practices, bundles of practices, or random insured in groups of the same sizes."),
        Column("groups", "int", "", "Groups per division."),
        Column("insured", "float", "persons", "Mean number of insured per group."),
        Column("sd", "float", "fraction", "Standard deviation of the placebo savings rate."),
        Column("threshold", "float", "fraction", "One-sided 95% threshold of a normal distribution: 1.645 sd."),
        Column("ratio", "float", "", "Threshold relative to random insured in groups of the same size."),
        Column("ratio_se", "float", "", "Standard error of the ratio."),
    ),
)

#: Every table that a study may write, by the name of its file.
OUTPUT = {
    schema.name: schema
    for schema in (
        *(SCORES, DETECTION, THRESHOLDS, PLACEBOS),
        *(SAVINGS, CASE_THRESHOLDS, SETTLEMENT),
        *(ATTRITION, TRUNCATION, OWN_COSTS, TRUTH, INTACT_GROUPS),
    )
}
