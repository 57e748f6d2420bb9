"""Tells the user of a study file which key to write, where a message names an argument in Python."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.errors import DataError, PluginError, SsinferError
from ssinfer.plugins.discovery import find_method
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_blocks import CaseConfig, ComparisonConfig, PopulationConfig, ThresholdConfig, WindowsConfig
from ssinfer.study.config_claims import RunOutConfig, SpendingConfig
from ssinfer.study.config_errors import line_of, toml_value
from ssinfer.study.designs import StudyDesign
from ssinfer.study.first_edition import first_place
from ssinfer.study.source import DataConfig

_VALUE = r"""None|True|False|'[^'\n]*'|"[^"\n]*"|-?\d+(?:\.\d+)?|\[[^\[\]\n]*\]"""
#: How a message names an argument: ``name=value``, or ``Owner(name=value)`` where the name alone is not clear.
ARGUMENT = re.compile(
    rf"(?<![\w.\[])(?:(?P<owner>[A-Z]\w*(?:\.\w+)?)\()?(?P<name>[a-z_]+)=(?P<value>{_VALUE})(?(owner)\))"
)
#: Tables of a study file, and the part of each in which keys stand. The first that has a name is meant.
TABLES: dict[tuple[str, str], Any] = {
    ("windows", ""): WindowsConfig,
    ("comparison", ""): ComparisonConfig,
    ("case", ""): CaseConfig,
    ("data", ""): DataConfig,
    ("threshold", ""): ThresholdConfig,
    ("spending", ""): SpendingConfig,
    ("spending", "run_out"): RunOutConfig,
    ("population", ""): PopulationConfig,
}
IN_COLUMNS = "Panel.from_frame"  # its arguments stand in columns of [data]
PYTHON_ONLY = ("verify", "overwrite", "borders", "reference")  # arguments that no study file has
_KEY = re.compile(r"(?<![\w.'])(?:case|data|windows|backtest|scenario)\.[a-z_]+(?=:)")


def in_toml(
    message: object, config: StudyConfig, text: str = "", *, design: StudyDesign | None = None, method: str = ""
) -> str:
    """Return a message with the key of the study file in place of each argument, and its line in `text` if given.

    `design` and `method` are those of the fit that the message is about; by default the first ones.
    """
    entries = {} if design is None else {"comparison": config.comparison.index(design.comparison)}
    labels = [part.label for part in config.method]
    entries["method"] = labels.index(method) if method in labels else 0

    def line(*location: str) -> str:
        number = line_of(text, location) or line_of(text, tuple(first_place([*location])))
        return f" (line {number})" if number else ""

    def key(found: re.Match[str]) -> str:
        owner, name, value = found["owner"], found["name"], ast.literal_eval(found["value"])
        if name in PYTHON_ONLY:
            return f"{found[0]} (in Python)"
        table, part = place_of(owner, name)
        chosen = [owner] if owner else [each.method for each in config.method]
        if table == "method" and not any(_takes(each, name) for each in chosen):
            return found[0]
        several = isinstance(getattr(config, table), list)
        where = f"{f'{part} of ' if part else ''}{f'[[{table}]]' if several else f'[{table}]'}"
        value = False if value is None and owner == IN_COLUMNS else value
        said = f"no {name}" if value is None else f"{name} = {toml_value(value)}"
        said = f"{owner} with {said}" if table == "method" and owner else said
        return f"{said} in {where}{line(table, *([str(entries.get(table, 0))] if several else []), part or name)}"

    def located(found: re.Match[str]) -> str:
        return f"{found[0]}{line(*found[0].split('.'))}"

    return _KEY.sub(located, ARGUMENT.sub(key, str(message)), count=1)


def _takes(method: str, name: str) -> bool:
    """Return whether a method has a parameter; False for an owner that is no method."""
    with suppress(PluginError):
        return name in signature(find_method(method)).parameters
    return False


def place_of(owner: str | None, name: str) -> tuple[str, str]:
    """Return the table of a study file in which an argument stands, and its part; by default those of methods."""
    if owner == IN_COLUMNS and name not in DataConfig.model_fields:
        return "data", "" if name == "periods_per_year" else "columns"
    places = (place for place, model in TABLES.items() if name in model.model_fields)
    return next(places, ("method", "parameters"))


@contextmanager
def told_in_toml(config: StudyConfig, text: str, path: Path | None = None, **fit: Any) -> Iterator[None]:
    """Name keys of the study file, with lines, in the errors of the block; with a `path`, the file too."""
    try:
        yield
    except SsinferError as error:
        told = in_toml(error, config, text, **fit)
        of_file = path is not None and (told != str(error) or not isinstance(error, DataError))
        told = f"{path}: {told}" if of_file and str(path) not in told else told
        error.args = (told, *error.args[1:])
        if isinstance(error, ImportError):
            error.msg = told  # which it prints
        raise


def reasons_in_toml(frame: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return a table whose reasons name keys of the study file."""
    told = {reason: in_toml(reason, config) for reason in frame["reason"].unique()}
    return frame.assign(reason=frame["reason"].map(told)).astype({"reason": frame["reason"].dtype})
