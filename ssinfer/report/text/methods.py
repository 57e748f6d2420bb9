"""Sentences on methods, software, and the groups to which thresholds do not apply."""

from collections.abc import Iterator

from ssinfer.finding import Finding
from ssinfer.guard.method import ISOLATION, GuardedMethod
from ssinfer.printed import count
from ssinfer.report.analysis import Analysis
from ssinfer.sentences import sentence

FIRST_PAGE = ("gap_between_baseline_and_performance", "one_placebo_window")


def methods_sentences(analysis: Analysis) -> Iterator[str]:
    """Return data, methods, backtest and software."""
    result, manifest = analysis.result, analysis.result.manifest
    methods = "; ".join(f"{name}: {method!r}" for name, method in result.methods.items())
    yield (
        f"Data: {result.data_label}. The benchmark of each design is estimated by {methods}. The saving is the "
        "benchmark less observed spending per insured-year, pooled over units and performance periods by "
        "insured-years. The measured savings rate is the saving divided by the mean benchmark, and is compared with "
        "the threshold. No threshold uses the contract group's spending in the performance periods."
    )
    guarded = [name for name, method in result.methods.items() if isinstance(method, GuardedMethod)]
    if guarded:
        yield (
            f"Methods of other packages: {', '.join(guarded)}. The spending that they predict was hidden from them. "
            "Spending and insured-years of their results are the study's own. Each ran in its own process."
        )
    for pair, cf in result.counterfactuals.items():
        if cf.diagnostics is not None:
            for message in cf.diagnostics.loc[cf.diagnostics["check"] == ISOLATION, "message"]:
                yield f"{', '.join(pair)}: {message}."
    if result.backtest is not None:
        rows, design = result.backtest.placebos, next(iter(result.designs.values()))
        units = rows.loc[rows["role"] == "placebo", "unit"].nunique()
        origins = ", ".join(str(origin) for origin in sorted(rows["origin"].unique()))
        yield (
            f"Backtest: {count(units)} placebo units, origins {origins}. Each window has the shape of the contract: "
            f"{len(design.baseline)} baseline and {len(design.performance)} performance periods. Placebo thresholds "
            "are order statistics of placebo savings, standardised by the standard error of each fit. They are "
            "cross-fitted by blocks of neighbouring units and by origin. Standard errors are from a bootstrap over "
            "blocks of neighbouring units with all their origins. k and the group shock are maximum-likelihood "
            "estimates from squared placebo savings and the inverse of insured-years."
        )
        for sample in manifest.get("placebo_samples", ()):
            yield sentence(Finding("placebo_sample", sample))
    yield from found_sentences(analysis, first_page=False)
    yield (
        f"Software: ssinfer {manifest.get('version', manifest.get('ssinfer', '?'))}, seed {manifest.get('seed', '?')}. "
        f"Groups with fewer than {result.suppress_below} insured are not shown."
    )


def found_sentences(analysis: Analysis, *, first_page: bool) -> Iterator[str]:
    """Return the findings on windows, which stand on the first page, or the others."""
    for found in analysis.result.manifest.get("findings", ()):
        if (found["id"] in FIRST_PAGE) == first_page:
            yield sentence(Finding(found["id"], found))


def transport_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the groups and years for which the thresholds hold."""
    yield (
        f"The thresholds are measured on the units of this study ({analysis.result.data_label}). They hold for units "
        "of that kind and size, in years like those of the backtest. They are not transportable to other groups."
    )
    yield (
        "For example, a municipality with all its insurers differs from 20,000 insured of one insurer's practices in "
        "who belongs to the group, how persons enter and leave it, which claims are seen, and how large the shocks of "
        "a practice are. A threshold for such a contract needs placebo groups of practices from the same insurer."
    )
    yield "The curve of thresholds by size changes only the number of insured. It does not change the kind of group."
    backtest = analysis.result.backtest
    if backtest is not None and (backtest.scores["n_origins"] > 0).any():
        n_origins = int(backtest.scores["n_origins"].max())
        yield (
            f"The backtest has {n_origins} {'origin' if n_origins == 1 else 'origins'}. It cannot show the effect of "
            "another policy change, price shock or epidemic in the years of the contract."
        )
