"""The result of `ssinfer benchmark`: draws, summary and thresholds as plain values, and the files that hold them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer._version import __version__
from ssinfer.atomic import atomic_files, write_csv
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import PluginError
from ssinfer.plugins.discovery import providers
from ssinfer.plugins.schema import SCHEMA_VERSION, violation
from ssinfer.thresholds.compare import compare_thresholds

LEVELS = (0.95, 0.90)
VALIDATED_DRAWS = 200  # rows of the draws that are checked against the schema


def result_document(
    cf: Counterfactual, name: str, method: Any, *, seed: int, panel_sha256: str, levels: tuple[float, ...] = LEVELS
) -> dict[str, Any]:
    """Return a counterfactual as plain values that follow ``schemas/result.v2.json``; tables are held by column."""
    provider = next((provider for provider in providers() if provider.name == name and not provider.reason), None)
    document = {
        "schema_version": SCHEMA_VERSION,
        "ssinfer": __version__,
        "method": {
            "name": name,
            "parameters": _plain(method.get_params(deep=False)),
            "package": provider.package if provider else "",
            "version": provider.version if provider else "",
        },
        "seed": seed,
        "panel_sha256": panel_sha256,
        "design": _plain(cf.design.to_dict()),
        "uncertainty": cf.uncertainty,
        "information": cf.information,
        "failures": list(cf.failures),
        "summary": _columns(summary_table(cf, levels)),
        "thresholds": _columns(compare_thresholds(cf, levels)),
        "draws": _columns(draws_table(cf)),
    }
    if cf.observed_baseline is not None:
        fitted = cf.observed_baseline * np.nan if cf.fitted is None else cf.fitted
        baseline = cf.observed_baseline.to_dataframe("observed").assign(fitted=fitted.to_series())
        document["baseline"] = _columns(baseline.reset_index())
    draws = document["draws"]
    sample = {**document, "draws": {key: values[:VALIDATED_DRAWS] for key, values in draws.items()}}
    fault = violation(sample, "result")
    if fault is None and len({len(values) for values in draws.values()}) > 1:
        fault = "columns of draws differ in length"
    if fault is not None:
        raise PluginError(f"Method {name!r} gave a result that cannot be written: {fault}. Report it to its author.")
    return document


def draws_table(cf: Counterfactual) -> pd.DataFrame:
    """Return draws in long form: chain, draw, unit, period, benchmark, and confidence if it has the same draws."""
    frame = cf.benchmark.to_dataframe("benchmark").reset_index()
    if cf.confidence is not None and cf.confidence.shape == cf.benchmark.shape:
        frame["confidence"] = cf.confidence.values.ravel()
    return frame.dropna(subset="benchmark")  # no rows before a unit's own start


def summary_table(cf: Counterfactual, levels: tuple[float, ...] = LEVELS) -> pd.DataFrame:
    """Return one row per treated unit and period, and a pooled row; SD and interval are NaN without a distribution."""
    weights, spending = cf.insured_years.values, cf.spending.values
    flat = cf.benchmark.values.reshape(-1, *weights.shape)
    units, periods = cf.spending["unit"].values, cf.spending["period"].values
    parts = [
        (str(units[i]), periods[t], weights[i, t], flat[:, i, t], spending[i, t])
        for i, t in np.argwhere(weights > 0).tolist()
    ]
    parts.append(("pooled", "pooled", weights.sum(), cf.pooled(), cf.pooled_spending))
    has_distribution = cf.uncertainty != "none" and not cf.failures
    rows = []
    for unit, period, insured, draws, spent in parts:
        mean = float(draws.mean())
        row = {
            "unit": unit,
            "period": period,
            "insured_years": float(insured),
            "benchmark": mean,
            "sd": float(draws.std(ddof=1)) if has_distribution else np.nan,
            "spending": float(spent),
            "saving": mean - float(spent),
            "savings_rate": (mean - float(spent)) / mean,
        }
        for level in levels:
            ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if has_distribution else (np.nan, np.nan)
            row |= {f"lower_{100 * level:g}": float(ends[0]), f"upper_{100 * level:g}": float(ends[1])}
        rows.append(row)
    return pd.DataFrame(rows)


def write_result(document: Mapping[str, Any], out: Path) -> list[Path]:
    """Write a result document in the format of the suffix of `out`: all files, or none."""
    suffix = out.suffix.lower()
    texts: dict[str, str | pd.DataFrame] = {}
    if suffix == ".json":
        texts[out.name] = json.dumps(document, allow_nan=False) + "\n"
    else:
        tables = [table for table in ("draws", "summary", "thresholds", "baseline") if table in document]
        names = (out.name, *(f"{out.stem}.{table}{out.suffix}" for table in tables[1:]))
        texts |= {name: pd.DataFrame(document[table]) for name, table in zip(names, tables, strict=True)}
        about = {key: value for key, value in document.items() if key not in tables}
        texts[f"{out.stem}.about.json"] = json.dumps(about, indent=2, allow_nan=False) + "\n"
    with atomic_files(out.parent, last=out.name) as temporary:
        for name, content in texts.items():
            if isinstance(content, str):
                (temporary / name).write_text(content, encoding="utf-8", newline="\n")
            elif suffix == ".csv":
                write_csv(content, temporary / name, lineterminator="\n")
            else:
                _one_type(content).to_parquet(temporary / name, index=False)
    return [out.parent / name for name in texts]


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): [_plain(value) for value in frame[name].tolist()] for name in frame.columns}


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: numpy scalars as plain ones, NaN as None, unknown objects as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple, np.ndarray)) else str(value)


def _one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with label columns of one type each, as Parquet needs: numbers, or else text."""
    mixed = [name for name in ("unit", "period") if name in frame and len({type(label) for label in frame[name]}) > 1]
    return frame.astype(dict.fromkeys(mixed, str)).astype({name: float for name in frame if name in ("rate", "level")})
