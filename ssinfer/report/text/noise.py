"""Sentences on sampling noise: payments under it alone, the noise of placebos, and shocks of intact practices."""

import math
from collections.abc import Iterator
from typing import Any

from ssinfer.printed import PLUS_MINUS, column_with_errors, count, percent, plain
from ssinfer.report.analysis import Analysis
from ssinfer.thresholds.schedule import MSSP_K

EXAMPLE_SIZE = 20_000  # insured-years
REGIONAL, ANY_REGION, RANDOM = "regional bundles", "bundles", "random"


def noise_sentences(analysis: Analysis) -> Iterator[str]:
    """Return false payments under sampling noise alone, and the two parts of the noise, for the chosen design."""
    if analysis.main not in analysis.noise:
        return
    noise = analysis.noise[analysis.main]
    c, estimated, medicare = noise.components, noise.own_k, noise.medicare_k
    design = f" under {analysis.quoted(analysis.main)}" if len(analysis.noise) > 1 else ""
    pays, outside = (
        f"{percent(rate, error)} {PLUS_MINUS} {percent(error, error)}"
        for rate, error in ((estimated.above, estimated.above_se), (estimated.outside, estimated.outside_se))
    )
    yield (
        "Take a 95% interval from sampling noise alone: its standard error is k / sqrt(n), without a group shock. It "
        f"would pay {pays} of contracts without savings, although it promises 2.5%. Another "
        f"{percent(estimated.below, estimated.below_se)} would seem to have lost money. In total {outside} of placebo "
        "contracts lie outside an interval that should leave out 5%. This takes k = "
        f"{plain(c.k, 1)} from the placebos{design}. With Medicare's k = {MSSP_K} it would pay "
        f"{percent(medicare.above, medicare.above_se)}, and {percent(medicare.outside, medicare.outside_se)} would lie "
        "outside."
    )
    yield (
        f"The spread of the placebos has two parts. They are estimated together from {c.n_rows:,} placebo contracts of "
        f"{c.n_units} units at {c.n_origins} {'origin' if c.n_origins == 1 else 'origins'}. Sampling noise shrinks "
        f"with size: k = {plain(c.k, 1)} (95% interval {plain(c.k_lower, 1)} to {plain(c.k_upper, 1)}). The group "
        f"shock does not shrink: its SD is {percent(c.shock)} ({percent(c.shock_lower)} to {percent(c.shock_upper)}). "
        f"At {count(EXAMPLE_SIZE)} insured-years the two are {percent(c.k / EXAMPLE_SIZE**0.5)} and "
        f"{percent(c.shock)}. More insured reduce only the first."
    )
    placebos = analysis.placebos(analysis.main)
    dependence = (
        "The interval counts neighbouring units as dependent."
        if placebos["block"].nunique() < placebos["unit"].nunique()
        else "The interval takes units as independent, because the panel does not say where they lie."
    )
    yield (
        f"{dependence} A shock that is common to all units in a year has only {c.n_origins} "
        f"{'observation' if c.n_origins == 1 else 'observations'}, one per origin, so it is hardly known."
    )


def intact_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the two thresholds, and whether practices have shocks that can be distinguished from sampling noise."""
    groups = analysis.result.intact_groups
    if groups is None:
        return
    if groups.table is None:
        yield f"Intact practices are not compared with random insured: {groups.reason}"
        return
    frame = groups.table.set_index("kind")
    regional = REGIONAL in frame.index
    by_kind: Any = frame.drop(columns="groups").to_dict("index")
    row, random = by_kind[REGIONAL if regional else ANY_REGION], by_kind[RANDOM]
    ratio, error = float(row["ratio"]), float(row["ratio_se"])
    yield (
        f"At the size of the contract (about {count(groups.size)} insured), a group of intact practices"
        f"{' from one region' if regional else ''} needs a threshold of {percent(row['threshold'])}. Random insured "
        f"need {percent(random['threshold'])}: the ratio is {column_with_errors([ratio], [error])[0]}."
    )
    if ratio > 1 + 1.645 * error:
        yield (
            "Practices and regions have their own shocks, which do not shrink with the number of insured. Here the "
            f"shocks are about {percent(math.sqrt(row['sd'] ** 2 - random['sd'] ** 2))} of spending per group. A "
            "threshold from random insured, or from a formula for independent persons, would be too low by that ratio."
        )
    else:
        yield (
            "At this size the sampling noise of persons is so large that shocks of practices cannot be distinguished "
            "from it. In larger groups the noise shrinks and the shocks do not."
        )
