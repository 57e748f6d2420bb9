"""References of the methods, thresholds, contract, data and software that a result used."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.contracts.contract import load_contract
from ssinfer.datasets.io.catalogue import available
from ssinfer.documents import parse_json
from ssinfer.errors import ContractError, StudyError
from ssinfer.plugins.discovery import find_method
from ssinfer.study.result import MANIFEST
from ssinfer.thresholds.kind import KINDS

ADVICE = "Name a folder of `ssinfer run`, or the JSON file of `ssinfer benchmark`."
DOI = re.compile(r"doi[:\s]\s*(10\.\d{4,9}/[^\s,;)]*[\w>])", re.IGNORECASE)
ENTRY = re.compile(r"^@(\w+)\{(\w+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
LIBRARIES = ("numpy", "scipy", "pandas")  # which every fit uses
type Entry = tuple[str, str, dict[str, str]]  # type, key, fields


def cite_text(path: Path, form: str) -> str:
    """Return the references of a result folder, or of a file of `ssinfer benchmark`, as `form`: text or bibtex."""
    if form not in ("text", "bibtex"):
        raise StudyError(f"--format is {form!r}; allowed are text and bibtex.")
    place = path / MANIFEST if path.is_dir() else path
    try:
        document = parse_json(place.read_text(encoding="utf-8"), place, StudyError, ADVICE)
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"Cannot read {place}: {error}. {ADVICE}") from None
    if not isinstance(document, dict) or not {"ssinfer", "study", "method"} & document.keys() - {"ssinfer"}:
        raise StudyError(f"{place} is no result of ssinfer. {ADVICE}")
    entries = {entry[1]: entry for entry in _entries(document, path)}.values()
    return "\n\n".join(_text(*entry) if form == "text" else _bibtex(*entry) for entry in entries)


def _entries(document: Mapping[str, Any], path: Path) -> Iterator[Entry]:
    """Yield what was used, software first."""
    known = [(kind, key, dict(re.findall(r"(\w+) = \{(.*)\},$", body, re.MULTILINE))) for kind, key, body in _known()]
    versions = {"ssinfer": document["ssinfer"], **document.get("versions", {})}
    for kind, key, fields in known:
        if key == "ssinfer" or (key in LIBRARIES and key in versions):
            yield kind, key, {**fields, "version": versions[key]}
    by_doi = {entry[2]["doi"].lower(): entry for entry in known if "doi" in entry[2]}
    for text in _docstrings(document, path):
        for doi in DOI.findall(" ".join(text.split())):
            yield by_doi.get(doi.lower(), ("misc", re.sub(r"\W", "", doi), {"doi": doi}))
    if name := document.get("contract"):
        with suppress(ContractError):  # of the user's own file: its source is not in the package
            contract = load_contract(name)
            yield (
                "misc",
                re.sub(r"\W", "", name),
                {"title": str(contract.title), "note": " ".join(str(contract.source).split())},
            )
    if source := document.get("study", {}).get("data", {}).get("source"):
        sets = available().set_index("name")["source"]
        shown = {"note": sets[source]} if source in sets.index else {}
        yield "misc", "data", {"title": document.get("data", source), **shown}


def _docstrings(document: Mapping[str, Any], path: Path) -> Iterator[str]:
    """Yield the docstrings of the methods, and of the kinds of threshold that have a number."""
    study = document.get("study", {})
    names = [part["method"] for part in study.get("method", ())] or [document.get("method", {}).get("name")]
    for method in filter(None, names):
        yield inspect.getdoc(find_method(method)) or ""
    table = pd.DataFrame(document.get("thresholds", {}))
    if path.is_dir() and (path / "case_thresholds.csv").is_file():
        table = pd.read_csv(path / "case_thresholds.csv")
    stated = {part.get("kind") for part in study.get("threshold", ())}
    used = stated | {*(table.loc[table["rate"].notna(), "kind"] if "kind" in table else ())}
    for kind in KINDS.entries():
        module = sys.modules[kind.for_case.__module__]
        functions = [
            each for _, each in inspect.getmembers(module, inspect.isfunction) if each.__module__ == module.__name__
        ]
        yield from (inspect.getdoc(each) or "" for each in functions if kind.name in used)


def _known() -> list[tuple[str, str, str]]:
    return ENTRY.findall(files("ssinfer").joinpath("references.bib").read_text(encoding="utf-8"))


def _bibtex(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = (f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{{key},\n{''.join(lines)}}}"


def _text(_kind: str, _key: str, fields: Mapping[str, str]) -> str:
    where = ("journal", "booktitle", "publisher", "institution")
    author = fields.get("author", "").strip("{}").replace(" and others", " et al.").replace(" and ", "; ")
    head = f"{author} ({fields['year']})" if author else ""
    place = " ".join(fields[name] for name in (*where, "volume") if name in fields)
    pages = fields.get("pages", "").replace("--", "-")
    parts = [head, fields.get("title", ""), ", ".join(filter(None, (place, pages))), fields.get("note", "")]
    parts += [f"Version {fields['version']}"] if "version" in fields else []
    parts += [f"https://doi.org/{fields['doi']}"] if "doi" in fields else []
    return ". ".join(part.rstrip(".") for part in parts if part) + ("" if "doi" in fields else ".")
