"""JSON Schemas of the input and output of `ssinfer benchmark`, and violations of them in one line."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ssinfer.errors import did_you_mean

SCHEMA_VERSION = 2
READ = (1, 2)  # a document of version 1 is one of version 2 without the optional keys
Kind = Literal["design", "result"]


def load_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of the input ("design") or the output ("result")."""
    text = files("ssinfer.plugins").joinpath("schemas", f"{kind}.v{SCHEMA_VERSION}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _validator(kind: Kind) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (only when something is validated)

    return Draft202012Validator(load_schema(kind))


def violation(document: Any, kind: Kind) -> str | None:
    """Return the most relevant violation of a schema in words, or None: the key, the value, what is allowed."""
    from jsonschema.exceptions import best_match, by_relevance  # noqa: PLC0415  (only when something is validated)

    if isinstance(document, dict) and document.get("schema_version", SCHEMA_VERSION) not in READ:
        got = document["schema_version"]
        return f"schema_version is {got!r}; this version of ssinfer reads {' and '.join(map(str, READ))}"
    # Of alternatives, the one whose type the value has explains most; jsonschema's default prefers nested alternatives.
    error = best_match(_validator(kind).iter_errors(document), key=by_relevance(weak=frozenset()))
    return None if error is None else _in_words(error)


def _in_words(error: Any) -> str:
    path = [str(part) for part in error.absolute_path]
    where = ".".join(path)
    if error.validator == "required":
        absent = [key for key in error.validator_value if key not in error.instance]
        return f"key {'.'.join([*path, absent[0]])!r} is missing"
    if error.validator == "additionalProperties":
        allowed = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in allowed)
        return f"unknown key {'.'.join([*path, unknown])!r}. {did_you_mean(unknown, allowed)}"
    got = json.dumps(error.instance, default=str)
    got = got if len(got) <= 60 else got[:57] + "..."
    meaning = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    meaning = f" ({meaning.rstrip('.')})" if meaning else ""
    if error.validator == "anyOf":
        return f"key {where!r} cannot be {got}{meaning}" if where else f"the document cannot be {got}"
    return f"{f'key {where!r}' if where else 'the document'}: {error.message[:200]}{meaning}"
