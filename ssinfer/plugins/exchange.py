"""`ssinfer benchmark`: fits a method on a panel file and a design file, for tools in any language."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.arguments import SEED, Number, Optional, Rule, check_arguments
from ssinfer.comparison import comparison_of
from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.design import Design
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import DataError, DesignError, NotSupportedError, PluginError, SsinferError, raised_as, shorten
from ssinfer.guard.method import TIME_LIMIT, GuardedMethod
from ssinfer.panel import CORRELATION_WITH, Panel
from ssinfer.plugins.discovery import make_method
from ssinfer.plugins.result_document import LEVELS, result_document, write_result
from ssinfer.plugins.schema import violation

SUFFIXES = (".json", ".csv", ".parquet")


@dataclass(frozen=True)
class Request:
    """The content of a design file: the design, the columns of the panel, and the levels of intervals."""

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
    time_limit: float | None = None,
) -> list[Path]:
    """Fit a method on a panel file and a design file; return the files of draws, summary and thresholds.

    All input is checked before the method is built. The files appear together, or none does.

    Parameters
    ----------
    panel : CSV or Parquet with one row per unit and period (see ``schemas/design.v2.json``, `columns`)
    design : JSON that follows ``schemas/design.v2.json``
    method, seed : name of an entry point (`ssinfer methods` lists them), and the random seed
    out : ``.json``: one document (``schemas/result.v2.json``); ``.csv``, ``.parquet``: one file per table, and the rest
    parameters : JSON object of constructor parameters, or ``@FILE`` with one
    time_limit : seconds that the fit of a method of another package may take; default: 600
    """
    rules: dict[str, Rule] = {"seed": SEED, "time_limit": Optional(Number(0, open=True))}
    given = check_arguments("ssinfer benchmark", rules, {"seed": seed, "time_limit": time_limit})
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise DataError(f"--out {out}: its name must end in {', '.join(SUFFIXES)}; the suffix chooses the format.")
    if out.is_dir() or not out.parent.is_dir():
        raise DataError(f"--out {out}: {'is a folder' if out.is_dir() else 'its folder does not exist'}. Name a file.")
    request = read_design(design)
    data = read_panel(panel, request)
    built = _method(method, parameters, given["time_limit"])
    try:
        cf = built.fit(data, request.design, seed=given["seed"])
    except SsinferError:
        raise
    except Exception as error:
        message = shorten(" ".join(str(error).split()))[:300]
        check = "Check --parameters; if they are right, report it" if parameters else "Report it"
        raise PluginError(
            f"Method {method!r} failed: {type(error).__name__}: {message}. {check} to its author."
        ) from error
    digest = hashlib.sha256(Path(panel).read_bytes()).hexdigest()
    document = result_document(cf, method, built, seed=given["seed"], panel_sha256=digest, levels=request.levels)
    return write_result(document, out)


def read_design(path: str | Path) -> Request:
    """Read a design file (JSON), validate it against its schema, and build the design."""
    path = Path(path)
    text = read_text(path, "the design file", DesignError, "Check the path.")
    document = parse_json(text, path, DesignError, "Write it with a JSON library.")
    fault = violation(document, "design")
    if fault is not None:
        raise DesignError(f"{path}: {fault}".rstrip(".") + ".")
    donors = document.get("donors")
    if isinstance(donors, dict):
        rule = {**donors, "donors": _listed(donors["donors"])} if "donors" in donors else donors
        donors = comparison_of(rule)
    elif donors is not None:
        donors = _listed(donors)
    lists = ("treated", "baseline", "performance", "masked", "under_contract")
    values: dict[str, Any] = {key: _listed(document[key]) for key in lists if document.get(key) is not None}
    values |= {key: document[key] for key in ("starts", "standard", "incomplete") if key in document}
    try:
        with raised_as(DesignError, f"{path}:", of=DesignError):
            design = Design(donors=donors, **values)
    except TypeError:
        raise DesignError(f"{path}: periods mix numbers and text. Write all of them like the panel's.") from None
    levels = tuple(float(level) for level in document.get("levels", LEVELS))
    return Request(design, {**document.get("columns", {}), "accept": document.get("accept", [])}, levels)


def read_panel(path: str | Path, request: Request) -> Panel:
    """Read a panel file by the columns of a request; by default every further numeric column is a covariate."""
    stated = request.columns
    frame = read_panel_file(path, stated.get("unit") or "unit")
    known = {name for name in frame.columns if bool(frame[name].notna().any())}  # unknown values are an empty column
    lacks_insured_years = "insured_years" not in frame.columns and "insured_years" not in stated
    columns = {
        "insured_years": "insured_years" if "insured_years" in known or lacks_insured_years else None,
        "sampling_variance": "sampling_variance" if "sampling_variance" in known and not stated.get("cv") else None,
        **stated,
    }
    if "covariates" not in columns:
        roles = {columns.get(name) or name for name in ("unit", "period", "spending")}
        roles |= {columns["insured_years"], columns["sampling_variance"], "insured_years", "sampling_variance"}
        numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
        columns["covariates"] = [n for n in numeric if n not in roles and not n.startswith(CORRELATION_WITH)]
    try:
        return Panel.from_frame(frame, **columns)
    except DataError as error:
        hint = ' If they are unknown, write "columns": {"insured_years": null} in the design file.'
        raise type(error)(f"{path}: {error}{hint if lacks_insured_years else ''}") from None


def _method(name: str, parameters: str | None, time_limit: float | None) -> Any:
    text = parameters or "{}"
    if text.startswith("@"):
        text = read_text(Path(text[1:]), "--parameters", PluginError, "Check the path.")
    values = parse_json(text, "--parameters", PluginError, "Write it like '{\"n_draws\": 2000}'.")
    if not isinstance(values, dict):
        raise PluginError(f"--parameters is {text[:60]!r}; a JSON object is needed, like '{{\"n_draws\": 2000}}'.")
    method = make_method(name, values, time_limit=time_limit or TIME_LIMIT)
    combines = getattr(method, "member_parameters", ())
    if time_limit and not combines and not isinstance(method, GuardedMethod):
        raise PluginError(f"--time-limit is for methods of other packages, and {name} is of ssinfer. Leave it out.")
    if method.needs != "panel":
        raise NotSupportedError("A panel file", f"{name}, which needs persons", "Use it from Python on a Cohort.")
    return method


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
