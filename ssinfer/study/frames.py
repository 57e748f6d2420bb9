"""Columns of the tables in a study's output folder."""

from collections.abc import Mapping

import pandas as pd

from ssinfer.backtesting.frames import BACKTEST_TABLES, DESIGN_AND_METHOD, PATH, SHARE, with_error
from ssinfer.backtesting.payments_at import PAYMENTS_AT
from ssinfer.schema import Column, FrameSchema
from ssinfer.thresholds.compare import CASE_THRESHOLDS as THRESHOLDS_OF_FIT
from ssinfer.thresholds.compare import MONEY, RATE

DEFINITION = Column("definition", "text", "", "Name of the definition of spending.")
BLOCKS = ("population", "spending", "comparison", "threshold", "sharing")  # of a design in a study file
CURRENCY = "EUR"

SAVINGS = FrameSchema(
    "savings.csv",
    "one row per design and method",
    *DESIGN_AND_METHOD,
    Column("status", "text", "", "ok, refused (no fit), sealed (no performance spending), or hidden (small group)."),
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
    Column("failed_checks", "text", "", "Ids of the checks of diagnostics.csv that failed, in one text."),
)
WEIGHTS = FrameSchema(
    "weights.csv",
    "one row per design, method, treated unit and donor with a weight",
    *DESIGN_AND_METHOD,
    Column("unit", "text", "", "Treated unit."),
    Column("donor", "text", "", "Unit of the comparison group."),
    Column("weight", "float", SHARE, "Its weight in the benchmark; weights of a unit add up to 1."),
)
DIAGNOSTICS = FrameSchema(
    "diagnostics.csv",
    "one row per design, method and check; of several treated units the worst",
    *DESIGN_AND_METHOD,
    Column("check", "text", "", "Name of the check."),
    Column("status", "text", "", "ok, warn (take care), fail (do not rely on it), or not evaluated."),
    Column("figure", "float", "", "The number on which the status rests; NaN without one."),
    Column("limit", "float", "", "The value that separates the statuses; NaN without one."),
    Column("id", "text", "", "The name as savings.csv has it."),
)
PREDICTIVE = FrameSchema(
    "predictive.parquet",
    "one row per design, method and draw of a posterior, if a method has replicates of its data",
    *DESIGN_AND_METHOD,
    Column("replicate", "int", "", "Number of the replicate: data drawn from the posterior."),
    Column(
        "spread", "float", "fraction", "SD over units and periods of spending over the unit's mean; see verdict.md."
    ),
    Column("observed", "float", "fraction", "The same of the data."),
)
PATHS = FrameSchema("paths.csv", "one row per design, method, treated unit and period", *DESIGN_AND_METHOD, *PATH)
CASE_THRESHOLDS = FrameSchema(
    "case_thresholds.csv",
    "one row per design, method and threshold of the contract itself",
    *DESIGN_AND_METHOD,
    *THRESHOLDS_OF_FIT.columns,
    Column("measured", "float", RATE, "Measured savings rate; NaN if the performance spending is sealed."),
    Column("decides", "bool", "", "Whether this threshold decides on the case. Kind `contract`: the contract's own."),
    Column("passed", "bool", "", "Whether the measured rate reaches the threshold that decides; empty for others."),
    *PAYMENTS_AT,
    Column(
        "insured_needed",
        "float",
        "insured-years",
        "Size above the contract's own that finds a saving of 3% in 80%; of the threshold that decides.",
    ),
)
SETTLEMENT = FrameSchema(
    "settlement.csv",
    "one row per design, method and party; no rows if the study names no contract",
    *DESIGN_AND_METHOD,
    Column("settles", "bool", "", "Whether this design and method settle; all others are alternatives."),
    Column("contract", "text", "", "Name of the contract."),
    Column("party", "text", "", "A party of the contract; empty if nothing could be settled."),
    Column("payment", "float", CURRENCY, "What the contract pays to its providers in all; negative: they owe."),
    Column("amount", "float", CURRENCY, "Money that the party receives; negative if it pays. Amounts add up to 0."),
    Column("threshold", "float", RATE, "Threshold that decides: that of the study, or the contract's own.", "gate"),
    Column("reason", "text", "", "Id of the step that decides (`outcome.<id>` of the catalogues), or why none could."),
    Column("savings_rate", "float", RATE, "Measured savings rate."),
    Column("loss_threshold", "float", RATE, "Loss from which the providers owe."),
    Column("share", "float", SHARE, "Share of savings that is paid, quality included."),
    Column("loss_share", "float", SHARE, "Share of losses that is owed."),
    Column("lower_share", "float", SHARE, "Share of savings that is paid below the threshold; 0: none."),
    Column("raw", "float", CURRENCY, "Payment before relief and reduction by law; negative: the providers owe."),
)
PROVISIONAL = FrameSchema(
    "provisional.csv",
    "one row per design and method whose run-out is not over: what the final settlement may be; 90% intervals",
    *DESIGN_AND_METHOD,
    Column("settles", "bool", "", "Whether this design and method settle."),
    Column("year", "text", "", "Contract year whose run-out is not over, or total; empty without a term."),
    Column("to_come", "float", SHARE, "Share of the group's final spending that is still to be paid, expected."),
    Column("saving", "float", MONEY, "Final saving, expected."),
    Column("lower", "float", MONEY, "Final saving, 5th percentile."),
    Column("upper", "float", MONEY, "Final saving, 95th percentile."),
    Column("common_error", "float", SHARE, "Relative standard error of the completion factors: equal for all units."),
    Column("own_error", "float", SHARE, "Relative standard deviation of the group's own run-out."),
    Column("n_units", "int", "", "Other units from which it is learned, per earlier year."),
    Column("n_windows", "int", "", "Earlier years whose provisional view was rebuilt."),
    Column("threshold", "float", RATE, "Threshold that decides, now."),
    *with_error("final_threshold", RATE, "Final threshold, expected; error 0 if it is taken as it is."),
    Column("reaches", "float", SHARE, "Probability that the final saving reaches the threshold."),
    Column("paid", "float", SHARE, "Probability that the final settlement pays the providers."),
    Column("payment", "float", CURRENCY, "Final payment, expected; negative: the providers owe."),
    Column("payment_lower", "float", CURRENCY, "Final payment, 5th percentile."),
    Column("payment_upper", "float", CURRENCY, "Final payment, 95th percentile."),
)
TERM = FrameSchema(
    "term.csv",
    "one row per design, method and contract year (or block of pooled years), and one of the whole term",
    *DESIGN_AND_METHOD,
    Column("settles", "bool", "", "Whether this design and method settle."),
    Column("year", "text", "", "Number of the contract year, or total."),
    Column("period", "text", "", "Its first period."),
    Column("state", "text", "", "provisional (its run-out is not over) or final."),
    Column("first_benchmark", "float", MONEY, "Benchmark of the first baseline, before rebasing."),
    Column("benchmark", "float", MONEY, "Benchmark that settles, by the contract's rules of rebasing."),
    Column("spending", "float", MONEY, "Observed spending."),
    Column("saving", "float", MONEY, "Benchmark that settles less spending."),
    Column("savings_rate", "float", RATE, "Saving over the benchmark that settles."),
    Column("threshold", "float", RATE, "Threshold of the year."),
    Column("payment", "float", CURRENCY, "What the contract pays to its providers; negative: they owe."),
    Column("carried_loss", "float", CURRENCY, "Loss carried into the year; in the total: what is left of it."),
    Column("insured_years", "float", "insured-years", "Insured-years."),
)
TERM_PLACEBOS = FrameSchema(
    "term_placebos.csv",
    "one row per design, method and true saving: payments of placebo contracts over the same years",
    *DESIGN_AND_METHOD,
    Column("settles", "bool", "", "Whether this design and method settle."),
    Column("saving", "text", "", "True saving: none, each (3% in each year), or growing (3%, 6%, 9%, ...)."),
    Column("n_rows", "int", "", "Placebo contracts."),
    *with_error("paid", SHARE, "Share of placebo contracts that are paid over the term."),
    *with_error("payment", RATE, "Mean payment over the term, of its first benchmark."),
    *with_error("fixed", RATE, "The same with a fixed baseline."),
    *with_error("taken_back", RATE, "What rebasing takes back: the difference of the two."),
    Column("reason", "text", "", "Why there are no placebo contracts; empty if there are."),
)
CLAIMANTS = (
    Column("claimants", "int", "persons", "Persons with these lines, in confidential folders.", optional=True),
    Column("largest", "float", SHARE, "Largest share of one person in money, in confidential folders.", optional=True),
)
CHANGES = FrameSchema(
    "changes.csv",
    "one row per cause of the change since the previous delivery, of the contract group, and per party",
    *DESIGN_AND_METHOD,
    Column("kind", "text", "", "spending (its causes add up to its total), benchmark, or settlement."),
    Column("cause", "text", "", "As in docs/agreements.md: persons, late lines, ..., total; or the party."),
    Column("year", "text", "", "Contract year of a party's amount; empty: all that is settled."),
    Column("lines", "int", "claim lines", "Change in counted lines; 0 for other rows."),
    Column("then", "float", CURRENCY, "Amount of the previous result; NaN for a cause."),
    Column("now", "float", CURRENCY, "Amount of this result; NaN for a cause."),
    Column("cents", "int", "cents", "The difference, exact. Of a party: what it still receives; negative: it pays."),
    Column("euros", "float", CURRENCY, "The difference."),
    *CLAIMANTS,
)
ATTRITION = FrameSchema(
    "attrition.csv",
    "one row per definition of spending and reason: from all rows of the tables to those that count",
    DEFINITION,
    Column("step", "text", "", "First row, exclusions by step, last row (counted). The exclusions add up."),
    Column("reason", "text", "", "Reason of the exclusion."),
    Column("persons", "int", "persons", "Persons."),
    Column("insured_days", "int", "days", "Insured days."),
    Column("insured_years", "float", "insured-years", "Insured-years."),
    Column("lines", "int", "claim lines", "Claim lines."),
    Column("cents", "int", "cents", "Spending, exact."),
    Column("euros", "float", CURRENCY, "Spending."),
    *CLAIMANTS,
)
TRUNCATION = FrameSchema(
    "truncation.csv",
    "one row per definition of spending and calendar year",
    DEFINITION,
    Column("year", "int", "", "Calendar year."),
    Column("cap", "float", MONEY, "Limit on a person's spending."),
    Column("share_above", "float", SHARE, "Share of insured-years above the cap."),
    Column("cut", "float", CURRENCY, "Spending that is cut."),
    Column("share_cut", "float", SHARE, "Spending that is cut, as a share of all spending."),
    Column("persons", "int", "persons", "Persons above the cap."),
    CLAIMANTS[1],
)
OWN_COSTS = FrameSchema(
    "own_costs.csv",
    "one row per definition of spending, unit and period",
    DEFINITION,
    Column("unit", "text", "", "Unit under contract."),
    Column("period", "label", "", "Period."),
    Column("lines", "int", "claim lines", "Claim lines of the contract's own fees and programme costs."),
    Column("spending", "float", CURRENCY, "Their amount, which is no spending of the benchmark."),
    *CLAIMANTS,
)
ESTIMANDS = FrameSchema(
    "estimands.csv",
    "one row per estimand beside the main one (docs/claims.md), of the design that settles",
    *DESIGN_AND_METHOD,
    Column("estimand", "text", "", "Name of the estimand."),
    Column("insured_years", "float", "insured-years", "Insured-years of the contract group in the performance period."),
    Column("benchmark", "float", MONEY, "Spending expected without the contract."),
    Column("spending", "float", MONEY, "Spending in the performance period; of own_costs, their amount."),
    *with_error("saving", MONEY, "Benchmark less spending."),
    *with_error("rate", RATE, "Saving over benchmark; of composition and price, a difference of two rates."),
    Column("persons", "int", "persons", "By whom the row differs from others, in confidential folders.", optional=True),
    CLAIMANTS[1],
    Column("reason", "text", "", "Id of the reason why there is no number; empty if there is one."),
)
TRUTH = FrameSchema(
    "truth.csv",
    "one row per design; simulated claims only",
    DESIGN_AND_METHOD[0],
    Column("total", "float", CURRENCY, "True saving."),
    Column("per_insured_year", "float", MONEY, "True saving."),
    Column("rate", "float", "fraction of spending without the contract", "True savings rate."),
)
INTACT_GROUPS = FrameSchema(
    "intact_groups.csv",
    "one row per kind of group, of persons outside the contract",
    Column("kind", "text", "", "Practices, bundles of practices, or random insured in groups of the same sizes."),
    Column("groups", "int", "", "Groups per division."),
    Column("insured", "float", "persons", "Mean number of insured per group."),
    Column("sd", "float", "fraction", "Standard deviation of the placebo savings rate."),
    Column("threshold", "float", "fraction", "One-sided 95% threshold of a normal distribution: 1.645 sd."),
    Column("ratio", "float", "", "Threshold relative to random insured in groups of the same size."),
    Column("ratio_se", "float", "", "Standard error of the ratio."),
)
CASE_MONEY = "paid paid_5 paid_95 insurer insurer_5 insurer_95"
OF_ALL = "EUR per insured-year of the whole population"

DESIGNS = FrameSchema(
    "designs.csv",
    "one row per design and method, all on the scale of all spending of the whole population; means over placebos",
    *DESIGN_AND_METHOD,
    Column("label", "text", "", "The design in words: its blocks of which the study has several."),
    *(Column(block, "text", "", f"Name of the {block}.") for block in BLOCKS),
    Column("windows", "text", "", "Baseline, performance and masked periods, and origins."),
    Column("settles", "bool", "", "Whether this design and method settle."),
    Column("sensitivity", "bool", "", "Whether persons count by what happens after the start: it never settles."),
    Column("n_rows", "int", "placebos", "Placebos that were estimated."),
    Column("n_without_threshold", "int", "placebos", "Of these, without a threshold: they are in no payment."),
    Column("share_of_spending", "float", SHARE, "Spending of the design over all spending."),
    Column("share_of_persons", "float", SHARE, "Insured-years of the design over those of the whole population."),
    Column("elasticity", "float", "", "Fall of the design's spending per unit of a saving spread over all lines."),
    *with_error("deviation", RATE, "Mean measured saving where nothing was saved, of the design's spending."),
    *with_error("deviation_all", SHARE, "The same, of all spending."),
    *with_error("deviation_money", OF_ALL, "The same, in money."),
    *with_error("deviation_difference", OF_ALL, "deviation_money less that of the design that settles, paired."),
    *with_error("threshold_rate", RATE, "Mean threshold, of the design's benchmark."),
    *with_error("threshold_all", SHARE, "The true saving of all spending, spread evenly, that reaches it."),
    *with_error("threshold_money", OF_ALL, "The same true saving, in money."),
    *with_error("false_payment_rate", SHARE, "Share of placebos that are paid, by the threshold that decides."),
    *with_error(
        "misallocation",
        OF_ALL,
        "Mean absolute difference between payment and payment due, over true savings from 0 on.",
    ),
    Column("no_payments", "text", "", "Why payments of the placebos could not be computed; empty if they could."),
    Column("dominated_by", "text", "", "A design that is no worse in any measure and better in one; empty: none."),
    *with_error("threshold_difference", OF_ALL, "threshold_money less that of the dominating design, paired."),
    *with_error("deviation_size_difference", OF_ALL, "The same of the absolute value of deviation_money."),
    *with_error("misallocation_difference", OF_ALL, "The same of misallocation."),
)
PORTFOLIO = FrameSchema(
    "portfolio.csv",
    "one row per group of a study with several contracts, and a last one in all; hidden groups are in no number",
    Column("row", "text", "", "group, or total: the sum over the groups that have numbers."),
    Column("group", "text", "", "Name of the group."),
    Column("status", "text", "", "ok, or the id of the first reason why numbers are missing, such as hidden."),
    Column("insured_years", "float", "insured-years", "Insured-years of the performance period."),
    *with_error("saving", CURRENCY, "Measured saving in all; predictive error."),
    Column("threshold", "float", SHARE, "Threshold that decides."),
    Column("verdict", "text", "", "reached, or not reached."),
    Column("paid", "float", CURRENCY, "What is paid to the providers; negative: they owe."),
    Column("final_paid", "float", CURRENCY, "What is expected to be paid when all run-outs are over; NaN: they are."),
    *with_error("false_payments", "contracts", "Expected number of groups paid if none saves; of one, its rate."),
    Column("found_3", "float", "contracts", "Expected number of groups paid if each saves 3%."),
    Column("at_risk", "float", CURRENCY, "Expected payments if no group saves; debts of providers count as 0."),
    *(
        column
        for rule, words in (
            ("same_threshold", "one threshold for all"),
            ("same_rate", "one false-payment rate for all"),
        )
        for column in (
            Column(rule, "float", SHARE, f"Threshold under {words}, with as many expected false payments in all."),
            Column(f"{rule}_false_payments", "float", "contracts", "false_payments at this threshold."),
            Column(f"{rule}_found_3", "float", "contracts", "found_3 at this threshold."),
        )
    ),
    *with_error("correlation", "", "Correlation of the errors of two groups in one period (total)."),
    Column("n_origins", "int", "", "Origins of the placebos from which it is learned (total)."),
)
SCENARIOS = FrameSchema(
    "scenarios.csv",
    "one row per design, method, scenario and true saving; payments over placebos",
    *DESIGN_AND_METHOD,
    Column("scenario", "text", "", "The programme: where its saving falls."),
    Column("saving", "float", SHARE, "True saving, of all spending."),
    Column("own_saving", "float", SHARE, "What the design's own spending falls by, of that spending."),
    *with_error("detection_rate", SHARE, "Share of placebos that are paid with this saving."),
    *with_error("paid", OF_ALL, "Mean payment; negative: the providers pay."),
    Column("paid_5", "float", OF_ALL, "Payment, 5th percentile over placebos."),
    Column("paid_95", "float", OF_ALL, "Payment, 95th percentile over placebos."),
    *with_error("insurer", OF_ALL, "The insurer's result: true saving less payment."),
    Column("insurer_5", "float", OF_ALL, "The insurer's result, 5th percentile."),
    Column("insurer_95", "float", OF_ALL, "The insurer's result, 95th percentile."),
    Column("pays_back", "float", SHARE, "Probability that the providers pay."),
    Column("more_than_saved", "float", SHARE, "Probability that the insurer pays more than was saved."),
    Column("earned_of_100", "float", CURRENCY, "Of 100 paid, how much was for savings that happened."),
    Column("paid_without_threshold", "float", OF_ALL, "Mean payment if every measured saving were paid."),
    *(
        Column(f"case_{name}", "float", unit, f"`{name}` of the contract itself, over draws of its own fit.")
        for unit, names in ((SHARE, "detection_rate pays_back more_than_saved"), (OF_ALL, CASE_MONEY))
        for name in names.split()
    ),
)
EFFECTS = FrameSchema(
    "effects.csv",
    "one row per entry of a block, and per pair of entries whose interaction exceeds two standard errors",
    Column("measure", "text", "", "threshold_money, or the absolute value of deviation_money (see designs.csv)."),
    Column("block", "text", "", "Building block, or method."),
    Column("entry", "text", "", "Its entry."),
    Column("other_block", "text", "", "Second block of an interaction; empty for a main effect."),
    Column("other_entry", "text", "", "Its entry."),
    *with_error("effect", OF_ALL, "Of the entry less the mean of its block, other blocks alike; NaN: unknown."),
)
LADDER = FrameSchema(
    "ladder.csv",
    "today's design first (no block), then each change of one block, from the highest threshold down",
    Column("block", "text", "", 'Building block, windows, method, or "size" and "years".'),
    Column("entry", "text", "", "What it is changed to."),
    Column("source", "text", "", "measured, on the placebos of this study; or computed, by power."),
    *with_error("threshold", SHARE, "Mean true saving of all spending, spread evenly, that reaches the threshold."),
    *with_error("threshold_difference", SHARE, "The threshold less today's (computed: less that of the formulas)."),
    *with_error("detection_rate", SHARE, "Share of contracts that are paid at the target saving."),
    *with_error("detection_rate_difference", SHARE, "The detection rate less today's, in the same way."),
    *with_error("insured", "persons", "Insured-years per performance year, of a computed row; no error if given."),
    *with_error("years", "years", "Performance years, of a computed row; no error if given."),
    Column("no_error", "text", "", "Why a computed figure has no standard error."),
)
STOP_LOSS = FrameSchema(
    "stop_loss.csv",
    "one row per design with truncation and window: the price of truncation as stop-loss",
    DESIGN_AND_METHOD[0],
    Column("origin", "label", "", "First performance period of the window."),
    Column("excess", "float", MONEY, "Mean over groups of the spending that truncation leaves out."),
    Column("excess_sd", "float", MONEY, "Its standard deviation over groups."),
    Column("groups", "int", "", "Groups."),
)

DICTIONARY = FrameSchema(
    "dictionary.csv",
    "one row per column of every table in the folder",
    Column("file", "text", "", "Name of the file."),
    Column("column", "text", "", "Name of the column."),
    Column("type", "text", "", "text, float, int, bool, or label (a period as the data give it)."),
    Column("unit", "text", "", "Unit; empty if there is none."),
    Column("meaning", "text", "", "What the column holds. A name in braces stands for a setting."),
)

#: Every table that a study may write, by the name of its file.
OUTPUT = {
    schema.name: schema
    for schema in (
        *BACKTEST_TABLES,
        *(SAVINGS, CASE_THRESHOLDS, SETTLEMENT, PROVISIONAL, TERM, TERM_PLACEBOS, CHANGES),
        *(WEIGHTS, DIAGNOSTICS, PREDICTIVE, PATHS),
        *(DESIGNS, SCENARIOS, EFFECTS, STOP_LOSS, LADDER, PORTFOLIO),
        *(ATTRITION, TRUNCATION, OWN_COSTS, ESTIMANDS, TRUTH, INTACT_GROUPS, DICTIONARY),
    )
}


def with_dictionary(tables: Mapping[str, pd.DataFrame], currency: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a folder with columns in the declared order, and the data dictionary of all of them."""
    made = {name: OUTPUT[name].conform(table) for name, table in tables.items()} | {DICTIONARY.name: DICTIONARY.empty()}
    rows = [
        (file, name, column.dtype, column.unit.replace(CURRENCY, currency), column.meaning.replace(":g}", "}"))
        for file, table in made.items()
        for name in table.columns
        for column in [next(c for c in sorted(OUTPUT[file].columns, key=lambda c: c.setting) if c.matches(name))]
    ]
    return made | {DICTIONARY.name: pd.DataFrame(rows, columns=made[DICTIONARY.name].columns)}
