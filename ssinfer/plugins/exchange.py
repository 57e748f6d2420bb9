"""`ssinfer benchmark`: a panel file and a design file in, draws and summary out, for tools in any language."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer._version import __version__
from ssinfer.atomic import atomic_files
from ssinfer.comparison import comparison_of
from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, NotSupportedError, PluginError, SsinferError
from ssinfer.panel import Panel
from ssinfer.plugins.discovery import make_method, providers
from ssinfer.plugins.schema import SCHEMA_VERSION, violation
from ssinfer.thresholds.compare import compare_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.counterfactual import Counterfactual

SUFFIXES = (".json", ".csv", ".parquet")
LEVELS = (0.95, 0.90)
VALIDATED_DRAWS = 200


@dataclass(frozen=True)
class Request:
    """A design file as it was understood: the design, how to read the panel's columns, and levels of intervals."""

    design: Design
    columns: Mapping[str, Any]
    levels: tuple[float, ...] = LEVELS


def benchmark_files(
    panel: str | Path,
    design: str | Path,
    method: str,
    out: str | Path,
    *,
    seed: int = 1,
    parameters: str | None = None,
) -> list[Path]:
    """Fit a method on a panel file and a design file, and write draws, summary and thresholds.

    Everything is read and checked before the method is built; files are written beside their place and renamed, so
    that nothing half-written is ever found.

    Parameters
    ----------
    panel : path
        Long table, CSV or Parquet, a row per unit and period (see ``schemas/design.v1.json``, `columns`).
    design : path
        JSON that follows ``schemas/design.v1.json``.
    method : str
        Name of an entry point; `ssinfer methods` lists them.
    out : path
        Its suffix chooses the form. ``.json``: one document that follows ``schemas/result.v1.json``. ``.csv`` and
        ``.parquet``: the draws in long form, with NAME.summary and NAME.thresholds beside it in the same form, and
        NAME.about.json with the rest.
    seed : int
    parameters : str, optional
        JSON object of constructor parameters, or ``@FILE`` that holds one.

    Returns
    -------
    list of Path
        The files written, `out` first.

    Raises
    ------
    SsinferError
        In one line: what is wrong, what is allowed, the next step.
    """
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise DataError(f"--out {out}: its name must end in {', '.join(SUFFIXES)}; the suffix chooses the form.")
    if out.is_dir() or not out.parent.is_dir():
        raise DataError(f"--out {out}: {'is a folder' if out.is_dir() else 'its folder does not exist'}. Name a file.")
    request = read_design(design)
    data = read_panel(panel, request)
    built = _method(method, parameters)
    try:
        cf = built.fit(data, request.design, seed=seed)
    except SsinferError:
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        raise PluginError(
            f"Method {method!r} failed: {type(error).__name__}: {words}. Report it to its author."
        ) from error
    digest = hashlib.sha256(Path(panel).read_bytes()).hexdigest()
    document = result_document(cf, method, built, seed=seed, panel_sha256=digest, levels=request.levels)
    return write_result(document, out)


def read_design(path: str | Path) -> Request:
    """Read a design file (JSON), validate it against its schema, and build the design.

    Raises
    ------
    DesignError
        The file is absent or no JSON; its version, a key (nearest named) or a value is not allowed.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DesignError(f"Cannot read the design file {path}: {error.strerror}. Check the path.") from None
    except ValueError as error:
        raise DesignError(f"{path} is not valid JSON: {error}. Write it with a JSON library.") from None
    wrong = violation(document, "design")
    if wrong is not None:
        raise DesignError(f"{path}: {wrong}".rstrip(".") + ".")
    donors = document.get("donors")
    if isinstance(donors, dict):
        rule = {**donors, "donors": _listed(donors["donors"])} if "donors" in donors else donors
        donors = comparison_of(rule)
    elif donors is not None:
        donors = _listed(donors)
    try:
        design = Design(
            treated=_listed(document["treated"]),
            baseline=_listed(document["baseline"]),
            performance=_listed(document["performance"]),
            donors=donors,
            masked=_listed(document.get("masked") or []),
            starts=document.get("starts"),
            standard=document.get("standard"),
            under_contract=_listed(document.get("under_contract") or []),
            incomplete=document.get("incomplete", "refuse"),
        )
    except TypeError:
        raise DesignError(f"{path}: periods mix numbers and text. Write all of them like the panel's.") from None
    except DesignError as error:
        raise DesignError(f"{path}: {error}") from None
    levels = tuple(float(level) for level in document.get("levels", LEVELS))
    return Request(design, document.get("columns", {}), levels)


def read_panel(path: str | Path, request: Request) -> Panel:
    """Read a panel file by the columns of a request; by default with every further numeric column as covariate.

    Raises
    ------
    DataError
        The file is damaged, lacks a column (nearest named), or holds text where numbers belong.
    """
    given = dict(request.columns)
    frame = read_panel_file(path, given.get("unit") or "unit")
    for name in ("insured_years", "sampling_variance"):
        if name in given:
            continue
        # what Panel.to_frame writes for an unknown is a column without values
        known = name in frame.columns and bool(frame[name].notna().any())
        if known or (name == "insured_years" and name not in frame.columns):
            given[name] = name
        else:
            given[name] = None
    if (
        given.get("sampling_variance") is not None
        and given.get("cv") is not None
        and "sampling_variance" not in request.columns
    ):
        given["sampling_variance"] = None
    if "covariates" not in given:
        own = {given.get(name) or name for name in ("unit", "period", "spending")}
        own |= {given["insured_years"], given["sampling_variance"], "insured_years", "sampling_variance"}
        numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
        given["covariates"] = [name for name in numeric if name not in own]
    try:
        return Panel.from_frame(frame, **given)
    except DataError as error:
        hint = ""
        if "no column 'insured_years'" in str(error):
            hint = ' If they are unknown, write "columns": {"insured_years": null} in the design file.'
        raise type(error)(f"{path}: {error}{hint}") from None


def result_document(
    cf: Counterfactual,
    name: str,
    method: Any,
    *,
    seed: int,
    panel_sha256: str,
    levels: tuple[float, ...] = LEVELS,
) -> dict[str, Any]:
    """Return a counterfactual as plain values that follow ``schemas/result.v1.json``; tables are held by column."""
    found = next((one for one in providers() if one.name == name and not one.reason), None)
    document = {
        "schema_version": SCHEMA_VERSION,
        "ssinfer": __version__,
        "method": {
            "name": name,
            "parameters": _plain(method.get_params(deep=False)),
            "package": found.package if found else "",
            "version": found.version if found else "",
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
    draws = document["draws"]
    shown = {**document, "draws": {key: values[:VALIDATED_DRAWS] for key, values in draws.items()}}
    wrong = violation(shown, "result")
    if wrong is None and len({len(values) for values in draws.values()}) > 1:
        wrong = "columns of draws differ in length"
    if wrong is not None:
        raise PluginError(f"Method {name!r} gave a result that cannot be written: {wrong}. Report it to its author.")
    return document


def draws_table(cf: Counterfactual) -> pd.DataFrame:
    """Return draws in long form: chain, draw, unit, period, benchmark, and confidence where it is drawn alike."""
    chains, draws, units, periods = cf.benchmark.shape
    index = np.indices((chains, draws, units, periods)).reshape(4, -1)
    columns: dict[str, Any] = {
        "chain": index[0],
        "draw": index[1],
        "unit": cf.benchmark["unit"].values[index[2]],
        "period": cf.benchmark["period"].values[index[3]],
        "benchmark": cf.benchmark.values.ravel(),
    }
    if cf.confidence is not None and cf.confidence.shape == cf.benchmark.shape:
        columns["confidence"] = cf.confidence.values.ravel()
    there = np.isfinite(columns["benchmark"])  # no rows before a unit's own start
    return pd.DataFrame({name: values[there] for name, values in columns.items()})


def summary_table(cf: Counterfactual, levels: tuple[float, ...] = LEVELS) -> pd.DataFrame:
    """Return a row per treated unit and performance period and a pooled row; intervals where the draws have a law."""
    weights, spending = cf.insured_years.values, cf.spending.values
    flat = cf.benchmark.values.reshape(-1, *weights.shape)
    cells = np.argwhere(weights > 0).tolist()
    labels = [(str(cf.spending["unit"].values[i]), cf.spending["period"].values[t]) for i, t in cells]
    parts = [
        (*label, weights[i, t], flat[:, i, t], spending[i, t]) for label, (i, t) in zip(labels, cells, strict=True)
    ]
    parts.append(("pooled", "pooled", weights.sum(), cf.pooled(), cf.pooled_spending))
    has_law = cf.uncertainty != "none" and not cf.failures
    rows = []
    for unit, period, insured, draws, spent in parts:
        mean = float(draws.mean())
        row = {
            "unit": unit,
            "period": period,
            "insured_years": float(insured),
            "benchmark": mean,
            "sd": float(draws.std(ddof=1)) if has_law else np.nan,
            "spending": float(spent),
            "saving": mean - float(spent),
            "savings_rate": (mean - float(spent)) / mean,
        }
        for level in levels:
            ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if has_law else (np.nan, np.nan)
            row |= {f"lower_{100 * level:g}": float(ends[0]), f"upper_{100 * level:g}": float(ends[1])}
        rows.append(row)
    return pd.DataFrame(rows)


def write_result(document: Mapping[str, Any], out: Path) -> list[Path]:
    """Write a result document in the form that the suffix of `out` asks for; all files, or none."""
    suffix = out.suffix.lower()
    texts: dict[str, str | pd.DataFrame] = {}
    if suffix == ".json":
        texts[out.name] = json.dumps(document, allow_nan=False) + "\n"
    else:
        tables = ("draws", "summary", "thresholds")
        names = (out.name, f"{out.stem}.summary{out.suffix}", f"{out.stem}.thresholds{out.suffix}")
        texts |= {name: pd.DataFrame(document[table]) for name, table in zip(names, tables, strict=True)}
        about = {key: value for key, value in document.items() if key not in tables}
        texts[f"{out.stem}.about.json"] = json.dumps(about, indent=2, allow_nan=False) + "\n"
    with atomic_files(out.parent, last=out.name) as temporary:
        for name, content in texts.items():
            if isinstance(content, str):
                (temporary / name).write_text(content, encoding="utf-8", newline="\n")
            elif suffix == ".csv":
                content.to_csv(temporary / name, index=False, lineterminator="\n")
            else:
                _one_type(content).to_parquet(temporary / name, index=False)
    return [out.parent / name for name in texts]


def _method(name: str, parameters: str | None) -> Any:
    text = parameters or "{}"
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise PluginError(f"Cannot read --parameters {text}: {error.strerror}. Check the path.") from None
    try:
        values = json.loads(text)
    except ValueError as error:
        raise PluginError(f"--parameters is not valid JSON: {error}. Write it like '{{\"n_draws\": 2000}}'.") from None
    if not isinstance(values, dict):
        raise PluginError(f"--parameters is {text[:60]!r}; a JSON object is needed, like '{{\"n_draws\": 2000}}'.")
    method = make_method(name, values)
    if method.needs != "panel":
        raise NotSupportedError("A panel file", f"{name}, which needs persons", "Use it from Python on a Cohort.")
    return method


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a table by column as plain values."""
    return {str(name): [_plain(value) for value in frame[name].tolist()] for name in frame.columns}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: no numpy scalars, no NaN (None), anything unknown as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple, np.ndarray)) else str(value)


def _one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with label columns of one type each, as Parquet needs: numbers, or else text."""
    mixed = [name for name in ("unit", "period") if name in frame and len({type(one) for one in frame[name]}) > 1]
    return frame.astype(dict.fromkeys(mixed, str)).astype({name: float for name in frame if name in ("rate", "level")})
