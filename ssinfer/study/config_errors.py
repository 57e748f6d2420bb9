"""Explains mistakes in a study file: the key, its line, what is allowed, and the next step."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import tomlkit
from pydantic import BaseModel

from ssinfer.errors import did_you_mean
from ssinfer.study.first_edition import MOVED
from ssinfer.study.source import SOURCES

# parts of an error's location that name a kind of value, not a key
VALUE_KINDS = ("Span", "list[union[int,str]]", "int", "str")


def explain(
    text: str, item: Any, root: type[BaseModel], place_in_file: Callable[[list[str]], list[str]] | None = None
) -> str:
    """Return an error of pydantic in words; `place_in_file` maps a location in the class `root` to one in the file."""
    location, model, source = _locate([str(part) for part in item["loc"] if part not in VALUE_KINDS], root)
    field, location = location[-1] if location else "", place_in_file(location) if place_in_file else location
    if item["type"].startswith("union_tag"):
        return _explain_source(text, item)
    key, line = ".".join(location), line_of(text, tuple(location))
    place = f"'{key}' (line {line})" if line else f"'{key}'"
    if item["type"] == "extra_forbidden":
        return _explain_unknown(place, location[-1], model, source)
    if item["type"] == "missing":
        known = model.model_fields.get(field)  # none for a part of a list
        examples = (known and known.examples) or []
        advice = "".join(f". Write {location[-1]} = {example}" for example in examples)
        return f"key '{key}' is missing" + (f" (line {line})" if line else "") + advice
    message, given = item["msg"].removeprefix("Value error, "), item.get("input")
    if not key:
        return str(message)
    if item["type"] == "list_type" and isinstance(given, dict) and key in MOVED:
        return f"key {place}: the second edition has {MOVED[key]}; `ssinfer migrate` writes the new form"
    got = "" if isinstance(given, dict) else f", got {given!r}"
    return f"key {place}: {message}{got}{_what_to_write(field, item['type'], given)}"


def _what_to_write(field: str, mistake: str, given: Any) -> str:
    """Return what to write in place of a value of the wrong type, or of a percentage."""
    if mistake == "list_type":
        return f". Write [[{field}]]" if isinstance(given, dict) else f". Write {field} = [{toml_value(given)}]"
    if mistake in ("model_type", "dict_type") and isinstance(given, list):
        return f". Write [{field}]"
    if mistake.startswith("less_than") and isinstance(given, int | float) and 1 < given <= 100:
        return f", which looks like a percentage. Write {given / 100:g}"
    return ""


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else tomlkit.item(value).as_string()


def _explain_unknown(place: str, key: str, model: type[BaseModel], source: str) -> str:
    """Return the message for a key that its table does not have; `source` is set in the table [data]."""
    others = [repr(other.name) for other in SOURCES.entries() if key in other.config.model_fields]
    if source and others:
        return f"key {place} is for data source {' or '.join(others)}, not {source!r}; leave it out"
    if key in MOVED:
        return f"key {place} has moved to {MOVED[key]}"
    return f"unknown key {place}. {did_you_mean(key, model.model_fields)}"


def _explain_source(text: str, item: Any) -> str:
    name = item["input"].get("source") if isinstance(item["input"], dict) else None
    if name is None:
        return f"key 'data.source' is missing. Allowed: {', '.join(map(repr, SOURCES.names()))}"
    line = line_of(text, ("data", "source"))
    if why := SOURCES.broken().get(str(name)):
        return f"key 'data.source' (line {line}): {name!r} cannot be loaded: {why}"
    sources = ", ".join(f"{source.name!r} ({source.label})" for source in SOURCES.entries())
    return f"key 'data.source' (line {line}): got {name!r}. Allowed: {sources}"


def _locate(parts: list[str], root: type[BaseModel]) -> tuple[list[str], type[BaseModel], str]:
    """Return the keys of a location, the class of the table that holds the last one, and the data source in [data]."""
    source = ""
    if len(parts) > 1 and parts[0] == "data":
        source = parts.pop(1)  # the table [data] is a union told apart by its source
    model = SOURCES.find(source).config if source else root
    for key in parts[1 if source else 0 : -1]:
        field = None if key.isdigit() else model.model_fields.get(key)
        if field is not None:
            model = next(iter(_models(field.annotation)), model)
    return parts, model, source if len(parts) == 2 else ""


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables in an annotation such as `list[ComparisonConfig]` or `Span | list[Label]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def line_of(text: str, location: tuple[str, ...]) -> int | None:
    r"""Return the line of a key in a TOML text, or of its table if the key is absent.

    >>> line_of("title = 1\n[data]\nsorce = 2", ("data", "sorce"))
    3
    """
    if not location:
        return None
    keys = [part for part in location[1:] if not part.isdigit()]
    wanted = (location[0], *keys)
    number = int(location[1]) if len(location) > 1 and location[1].isdigit() else 0
    table, index, line_of_table = "", -1, None
    counts: dict[str, int] = {}
    for line, raw in enumerate(text.splitlines(), start=1):
        stripped = raw.strip()
        if header := re.fullmatch(r"\[+([^\]]+)\]+.*", stripped):
            table = header[1].strip()
            counts[table] = index = counts.get(table, -1) + 1
            if table == location[0] and index == number:
                line_of_table = line
            continue
        key = re.split(r"[=\s]", stripped, maxsplit=1)[0].strip("\"'")
        in_table = table.split(".")[0] == location[0] and index == number
        if (path := (*table.split("."), key)) == wanted[: len(path)] and len(path) > 2:
            line_of_table = line
        if (
            (not table and key == location[0])
            or (len(keys) > 1 and (*table.split("."), key) == wanted)
            or (keys and in_table and key == keys[0])
        ):
            return line
    return line_of_table
