"""Sentences on payments under sampling noise alone, and on the noise that placebos show."""

from collections.abc import Iterator

from ssinfer.figures.numbers import PLUS_MINUS, count, percent, plain
from ssinfer.report.analysis import Analysis
from ssinfer.thresholds.schedule import MSSP_K

EXAMPLE_SIZE = 20_000  # insured-years


def noise_sentences(analysis: Analysis) -> Iterator[str]:
    """Return false payments under sampling noise alone, and the two parts of the noise, for the chosen design."""
    if analysis.chosen not in analysis.noise:
        return
    noise = analysis.noise[analysis.chosen]
    c, estimated, medicare = noise.components, noise.own_k, noise.medicare_k
    design = f" under {analysis.quoted(analysis.chosen)}" if len(analysis.noise) > 1 else ""
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
    placebos = analysis.placebos(analysis.chosen)
    dependence = (
        "The interval counts neighbouring units as dependent."
        if placebos["block"].nunique() < placebos["unit"].nunique()
        else "The interval takes units as independent, because the panel does not say where they lie."
    )
    yield (
        f"{dependence} A shock that is common to all units in a year has only {c.n_origins} "
        f"{'observation' if c.n_origins == 1 else 'observations'}, one per origin, so it is hardly known."
    )
