"""Tables of a study on claims: who and what is counted, what was cut, the known truth, and intact groups."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from ssinfer.figures.numbers import ABSENT, column_with_errors, count, listed, money, percent, plain, quoted, total
from ssinfer.periods import parse_period
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.text.pairs import case_name, label_of, pairs_of, saving_of, span

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.study.result import StudyResult

GROUP_NAMES = {
    "practices": "single practices, as they are",
    "random, as practices": "random insured, in groups of the practices' sizes",
    "bundles": "bundles of whole practices, any region",
    "regional bundles": "bundles of whole practices of one region",
    "random": "random insured, in groups of the bundles' size",
}


def attrition_table(result: StudyResult) -> Table | None:
    """Return what came in, what was left out and why, and what is counted, of the first definition of spending."""
    if result.claims is None:
        return None
    name, extract = next(iter(result.claims.extracts.items()))
    frame = extract.attrition
    rows = [
        (
            str(row["step"]),
            str(row["reason"]),
            _or_absent(row["persons"]),
            _or_absent(row["insured_years"]),
            _or_absent(row["lines"]),
            _money(row["euros"]),
        )
        for _, row in frame.iterrows()
    ]
    heads = ("Step", "Reason", "Persons", "Insured-years", "Claim lines", result.currency)
    others = [quoted(other) for other in result.claims.extracts if other != name]
    notes = [
        (
            "In = counted + exclusions, to the person, the day and the cent, for every column. A person, day or line "
            "is excluded once, under the first reason that holds. Rows of valuation change money only."
        )
    ]
    if others:
        notes.append(f"Under the definition {quoted(name)}; the tables of {listed(others)} are in attrition.csv.")
    caption = "From everything in the tables to what is counted"
    return Table("attrition", caption, heads, (False, False, True, True, True, True), tuple(rows), tuple(notes))


def truncation_table(result: StudyResult) -> Table | None:
    """Return caps and the share of spending cut, per calendar year and definition."""
    if result.claims is None:
        return None
    rows = []
    for name, extract in result.claims.extracts.items():
        for _, row in () if extract.truncation is None else extract.truncation.iterrows():
            above = row["share_above"]
            rows.append(
                (
                    name,
                    str(int(row["year"])),
                    money(float(row["cap"]), result.currency),
                    ABSENT if not math.isfinite(float(above)) else plain(100 * float(above), 1),
                    total(float(row["cut"]), result.currency),
                    plain(100 * float(row["share_cut"]), 1),
                )
            )
    if not rows:
        return None
    heads = ("Definition", "Year", "Cap per insured-year", "Insured-years above it (%)", "Cut", "Share of spending (%)")
    notes = [
        (
            "A percentile is that of all persons in the tables, whatever the population. Truncated spending is "
            "another estimand: what is cut may hold savings too."
        ),
    ]
    parts = Counter(parse_period(period).first_day.year for period in result.panel.periods)
    short = [str(year) for year, n in sorted(parts.items()) if n < max(parts.values())]
    if short:
        notes.append(
            f"Of {listed(short)} only a part of the year is in the claims: spending per insured-year over fewer months "
            "scatters more, so that the same percentile lies higher."
        )
    return Table("truncation", "Spending above the cap", heads, (False, *(True,) * 5), tuple(rows), tuple(notes))


def truth_table(result: StudyResult) -> Table | None:
    """Return each design's measured saving beside the true one, where claims were simulated."""
    claims = result.claims
    if claims is None or not claims.truth or case_is_small(result):
        return None
    rows = []
    for pair in pairs_of(result):
        row, truth = saving_of(result, pair), claims.truth.get(pair[0])
        if row is None or truth is None:
            continue
        rate, benchmark = float(row["savings_rate"]), float(row["benchmark"])
        ends = [float(row[end]) / benchmark for end in ("lower", "upper")]
        known = all(math.isfinite(end) for end in ends)
        interval = f"{plain(100 * ends[0], 1)} to {plain(100 * ends[1], 1)}" if known else "none"
        rows.append(
            (
                label_of(result, pair),
                plain(100 * truth.rate, 1),
                plain(100 * rate, 1),
                interval,
                plain(100 * (rate - truth.rate), 1),
                ("yes" if ends[0] <= truth.rate <= ends[1] else "no") if known else ABSENT,
            )
        )
    if not rows:
        return None
    heads = (
        "Design",
        "True saving (% of spending without contract)",
        "Measured saving (% of benchmark)",
        "95% interval (%)",
        "Measured less true (points)",
        "Interval holds the truth",
    )
    notes = (
        (
            "One simulated contract, whose luck all designs share: what is off here is mostly chance, and off in the "
            "same direction. The backtest below shows how far each design is off on average, and how much it scatters."
        ),
        (
            "Truncated designs have a truth of their own: what the contract saved of spending below the caps of the "
            "claims with the contract."
        ),
    )
    numeric = (False, True, True, True, True, False)
    return Table("truth", "Measured beside the known true saving", heads, numeric, tuple(rows), notes)


def intact_table(result: StudyResult) -> Table | None:
    """Return how much larger thresholds are for whole practices than for random insured."""
    found = result.intact_groups
    if found is None or found.table is None:
        return None
    frame = found.table
    ratios = column_with_errors(frame["ratio"].tolist(), frame["ratio_se"].where(frame["ratio_se"] > 0).tolist())
    rows = [
        (
            GROUP_NAMES[str(row["kind"])],
            count(row["groups"]),
            count(row["insured"]),
            plain(100 * float(row["sd"]), 1),
            plain(100 * float(row["threshold"]), 1),
            ratio if row["ratio_se"] > 0 else "1",
        )
        for (_, row), ratio in zip(frame.iterrows(), ratios, strict=True)
    ]
    heads = (
        "Groups, all with no saving",
        "Groups",
        "Insured a group",
        "SD of the placebo saving (%)",
        "Threshold, one-sided 95% (%)",
        "Threshold over that of random insured",
    )
    when = ", ".join(found.windows)
    notes = (
        (
            "The same simple benchmark for all: a group's own baseline trended by the growth of everybody; normal "
            f"thresholds, 1.645 SD, averaged over windows that begin in {when}. Insured outside the contract only; "
            f"groups were drawn 20 times (seed {found.seed}), single practices are as they are. ± one standard error "
            "over groups."
        ),
    )
    numeric = (False, *(True,) * 5)
    return Table("intact-groups", "Whole practices against random insured", heads, numeric, tuple(rows), notes)


def intact_sentences(result: StudyResult) -> tuple[str, ...]:
    """Return in words how much larger the threshold is for intact groups."""
    found = result.intact_groups
    if found is None:
        return ()
    if found.table is None:
        return (f"Whole practices are not compared with random insured: {found.reason}",)
    frame = found.table.set_index("kind")
    name = "regional bundles" if "regional bundles" in frame.index else "bundles"
    rows: Any = frame.drop(columns="groups").to_dict("index")
    row, random = rows[name], rows["random"]
    ratio, error = row["ratio"], row["ratio_se"]
    told = ratio > 1 + 1.645 * error
    opening = (
        f"At the contract's size (about {count(found.size)} insured) a group of whole practices of one region needs a "
        if name == "regional bundles"
        else f"At the contract's size (about {count(found.size)} insured) a group of whole practices needs a "
    )
    cell = column_with_errors([ratio], [error])[0]
    sentence = (
        f"{opening}threshold of {percent(row['threshold'])}, random insured "
        f"{percent(random['threshold'])}: {cell} times as much."
    )
    excess = row["sd"] ** 2 - random["sd"] ** 2
    if told:
        return (
            sentence,
            (
                "Practices (and regions) have shocks of their own, which do not shrink with the number of insured in "
                f"them: here about {percent(math.sqrt(excess))} of spending per group. A threshold from random "
                "insured, or from a formula for independent persons, would be too low by that factor."
            ),
        )
    return (
        sentence,
        (
            "At this size the sampling noise of persons is so large that shocks of practices cannot be told apart from "
            "it; in larger groups they do not shrink, and the noise does."
        ),
    )


def counting_sentences(result: StudyResult) -> tuple[str, ...]:
    """Return in words how the population was grouped, and what was noticed."""
    claims = result.claims
    if claims is None:
        return ()
    groups, case = claims.groups, case_name(result)
    practices = len([unit for unit in claims.practices.units if unit not in _treated(result)])
    units = len([unit for unit in result.panel.units if unit not in _treated(result)])
    how = {
        "intact": f"The {count(practices)} practices outside the contract, as they are, are donors and placebos.",
        "bundles": (
            f"The {count(practices)} practices outside the contract were put together, whole and in random order (seed "
            f"{groups.seed}), into {units} groups of about {groups.size or 0:,} insured, as many as {case} has; they "
            "are the donors and the placebos."
        ),
        "regional bundles": (
            f"The {count(practices)} practices outside the contract were put together within their region, whole and "
            f"in random order (seed {groups.seed}), into {units} groups of about {groups.size or 0:,} insured, as many "
            f"as {case} has; they are the donors and the placebos, and a region is one block of the cross-fitting."
        ),
        "random": (
            f"The insured outside the contract were divided at random (seed {groups.seed}) into {units} groups of "
            f"{groups.size or 0:,}. They share no practice: thresholds from them hold sampling noise alone and are too "
            "small for a contract with practices."
        ),
    }[groups.kind]
    sentences = [how]
    if claims.left_over:
        where = " in their region" if groups.kind == "regional bundles" else ""
        sentences.append(f"{count(claims.left_over)} insured were left over, too few for another group{where}.")
    if claims.contracted:
        names = list(claims.contracted)
        shown = listed(names) if len(names) <= 6 else f"{listed(names[:6])} and {len(names) - 6} more"
        sentences.append(f"Under a contract of their own, and so neither donors nor placebos: {shown}.")
    for name, extract in claims.extracts.items():
        if extract.sensitivity:
            sentences.append(
                f"SENSITIVITY ANALYSIS, never the main estimand: the population conditions on what follows the start "
                f"({'; '.join(extract.sensitivity)})."
            )
        own = extract.own_costs
        if len(own):
            sentences.append(
                f"Kept apart, not spending ({quoted(name)}): "
                f"{total(float(own['spending'].sum()), result.currency)} of the contract's own fees and "
                f"programme costs in {count(own['lines'].sum())} lines (own_costs.csv)."
            )
        sentences += _completion(name, extract.completion) + _noticed(name, extract.noticed)
    if claims.why_no_truth:
        sentences.append(claims.why_no_truth)
    periods = result.panel.periods
    sized = "" if groups.size is None else " Sizes of groups count all persons seen at any time in them."
    sentences.append(f"Claims of {span(periods)}.{sized}")
    return tuple(sentences)


def _completion(name: str, table: pd.DataFrame | None) -> list[str]:
    if table is None:
        return []
    row = table.iloc[0]
    factor = f"{plain(float(row['factor']), 4)} ± {plain(float(row['standard_error']), 4)}"
    sentence = (
        f"Under {quoted(name)} lines paid within {int(row['months'])} months of their period count, for all groups and "
        f"periods alike, and are multiplied by {factor} for payments still to come (chain ladder). The factor is "
        "common to both arms: it moves money, not rates, and its error is in the intervals of the saving in money."
    )
    return [sentence]


def _noticed(name: str, noticed: dict[str, int | float]) -> list[str]:
    words = []
    if noticed.get("negative lines"):
        words.append(f"{count(noticed['negative lines'])} lines with a negative amount (corrections)")
    if noticed.get("repeated lines"):
        words.append(f"{count(noticed['repeated lines'])} lines alike in every column")
    if noticed.get("repriced lines"):
        words.append(f"{count(noticed['repriced lines'])} lines repriced at reference tariffs")
    return [f"Counted under {quoted(name)} although they look odd: {listed(words)}."] if words else []


def _treated(result: StudyResult) -> tuple[str, ...]:
    return next(iter(result.designs.values())).treated


def _or_absent(value: float) -> str:
    return count(value) if value else ABSENT


def _money(value: float) -> str:
    return plain(float(value), 2) if value else ABSENT
