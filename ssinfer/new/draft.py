"""Draft: the tables of a new study, and what was found in its data; written as a commented TOML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import tomlkit

from ssinfer.errors import StudyError
from ssinfer.sentences import say
from ssinfer.study.config import read_study

WIDTH = 100
FILE = "study.toml"


@dataclass(frozen=True)
class Table:
    """A table of a study file. ``new.table.<name>`` says what it is for, ``new.key.<name>.<key>`` what a key means."""

    name: str  # empty: the keys above all tables
    keys: Mapping[str, Any]
    several: bool = False  # one of a list of tables: [[name]]
    active: bool = True  # False: each line is a comment

    def lines(self, *, described: bool) -> Iterator[str]:
        """Return the lines of the table, with its comment if `described`."""
        comment = say(f"new.table.{self.name}", "") if described else ""
        yield from (f"# {line}" for line in wrap(comment, WIDTH))
        off = "" if self.active else "# "
        if self.name:
            yield off + (f"[[{self.name}]]" if self.several else f"[{self.name}]")
        for key, value in self.keys.items():
            line = f"{off}{tomlkit.key(key).as_string()} = {to_toml(value)}"
            note = say(f"new.key.{self.name}.{key}", "") if described else ""
            if note and len(line) + len(note) + 4 > WIDTH:
                yield from (f"# {part}" for part in wrap(note, WIDTH))
                note = ""
            yield f"{line}  # {note}" if note else line


@dataclass(frozen=True)
class Draft:
    """The tables of a new study, in order."""

    tables: Sequence[Table]

    @property
    def text(self) -> str:
        """The study file. Only the first table of each name is described."""
        names = [table.name for table in self.tables]
        parts = (table.lines(described=table.name not in names[:place]) for place, table in enumerate(self.tables))
        head = "\n".join(f"# {line}" for line in wrap(say("new.head"), WIDTH))
        return "\n\n".join([head, *("\n".join(part) for part in parts)]) + "\n"


def to_toml(value: Any) -> str:
    """Return a value in TOML, tables in one line."""
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{tomlkit.key(key).as_string()} = {to_toml(part)}" for key, part in value.items()) + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    return str(tomlkit.item(value).as_string())


def refuse_existing(folder: Path) -> Path:
    """Return the study file of a folder; one that exists is never replaced."""
    path = folder / FILE
    if path.exists() or folder.is_file():
        raise StudyError(f"{path if path.exists() else folder} exists. Name a new folder, or move the file.")
    return path


def write_draft(draft: Draft, folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
    """Write a draft, and `files` beside it, into a folder; the study file is read first, and none is replaced."""
    path = refuse_existing(folder)
    read_study(path, draft.text)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files or {}).items():
        with (folder / name).open("xb") as file:
            file.write(content)
    with path.open("x", encoding="utf-8") as file:
        file.write(draft.text)
    return path
