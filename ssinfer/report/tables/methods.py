"""Sections on methods and software, on the groups to which thresholds apply, and on making the report again."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.guard.method import ISOLATION, GuardedMethod
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable
from ssinfer.sentences import say

FIRST_PAGE = ("gap_between_baseline_and_performance", "one_placebo_window", "years_not_due")


def _rows(analysis: Analysis) -> pd.DataFrame:
    manifest = analysis.result.manifest
    keys = ("ssinfer", "seed", "study_hash", "data_hash")
    packages = ", ".join(f"{name} {version}" for name, version in sorted((manifest.get("versions") or {}).items()))
    values = {**{key: manifest.get(key) for key in keys}, "packages": packages or None}
    values |= {key: say(f"provenance.{key}") for key in ("files", "install", "command")}
    records = [(key, str(value)) for key, value in values.items() if value is not None]
    return pd.DataFrame(records, columns=["entry", "value"])


def methods_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return data, methods, backtest and software."""
    result, manifest = analysis.result, analysis.result.manifest
    methods = "; ".join(f"{name}: {method!r}" for name, method in result.methods.items())
    yield Finding("methods_data", {"data": _data(analysis), "methods": methods})
    if information := manifest.get("information", {}).get(analysis.main[1]):
        yield Finding(f"information_{information}", {"method": analysis.method(analysis.main[1])})
    if any((part.get("truncation") or {}).get("percentile") for part in analysis.settings("spending")):
        yield Finding("caps_of_years", {})
    guarded = [name for name, method in result.methods.items() if isinstance(method, GuardedMethod)]
    if guarded:
        yield Finding("methods_guarded", {"names": ", ".join(guarded)})
    for pair, cf in result.counterfactuals.items():
        if cf.diagnostics is not None:
            for message in cf.diagnostics.loc[cf.diagnostics["check"] == ISOLATION, "message"]:
                yield Finding("methods_isolation", {"named": ", ".join(pair), "message": message})
    if result.backtest is not None:
        rows, design = result.backtest.placebos, next(iter(result.designs.values()))
        said = {"units": rows.loc[rows["role"] == "placebo", "unit"].nunique()}
        said |= {name: len(getattr(design, name)) for name in ("baseline", "performance")}
        yield Finding("methods_backtest", {**said, "origins": ", ".join(map(str, sorted(rows["origin"].unique())))})
        if analysis.noise:
            yield Finding("methods_noise", {})
        for sample in manifest.get("placebo_samples", ()):
            yield Finding("placebo_sample", sample)
    yield from found(analysis, first_page=False)
    version, seed = manifest.get("version", manifest.get("ssinfer", "?")), manifest.get("seed", "?")
    yield Finding("methods_software", {"version": version, "seed": seed, "limit": result.suppress_below})


def found(analysis: Analysis, *, first_page: bool) -> Iterator[Finding]:
    """Return the findings on windows, which stand on the first page, or the others."""
    for each in analysis.result.manifest.get("findings", ()):
        if (each["id"] in FIRST_PAGE) == first_page:
            yield Finding(each["id"], each)


def _data(analysis: Analysis) -> Finding | str:
    label = analysis.result.data_label
    return own(label) if isinstance(label, str) else label


def transport_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the groups and years for which the thresholds hold."""
    yield Finding("transport_units", {"data": _data(analysis)})
    yield Finding("transport_example", {})
    yield Finding("transport_size", {})
    backtest = analysis.result.backtest
    if backtest is not None and (backtest.scores["n_origins"] > 0).any():
        yield Finding("transport_years", {"n": int(backtest.scores["n_origins"].max())})


TABLES = ReportTable("provenance", "methods", 10, _rows, "entry:word value")
