"""Agreement: a TOML file whose hash covers every character, and its reading."""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from ssinfer._version import __version__
from ssinfer.documents import parse_toml, read_text
from ssinfer.errors import StudyError

FILE, FORMAT = "agreement.toml", 1
_HASH = re.compile(r'^hash = "([0-9a-f]{64})"$', re.MULTILINE)
_HEAD = "# An agreement of ssinfer. A change by hand of any character is found: the hash covers all of this file.\n"
_COPY = "Take the file that was signed. A change of terms is a second agreement: `ssinfer run ... --amend REASON`."


@dataclass(frozen=True, eq=False)
class Agreement:
    """The signed terms: `text` is the file, and its tables are the `document`."""

    text: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Agreement":
        """Return the agreement with these tables; None is left out, and the hash is written into it."""
        text = _HEAD + tomlkit.dumps({"hash": "", "format": FORMAT, **plain(document)})
        return cls(text.replace('hash = ""', f'hash = "{_digest(text)}"', 1))

    @cached_property
    def document(self) -> dict[str, Any]:
        """The tables of the file."""
        document: dict[str, Any] = parse_toml(self.text, FILE, StudyError)
        return document

    @property
    def hash(self) -> str:
        """SHA-256 of the file with an empty hash."""
        return str(self.document["hash"])

    @property
    def late(self) -> str:
        """What was decided after the start: "" (nothing), "signed" or "amended"."""
        if self.document["signed"] < self.document["start"]:
            return ""
        return "amended" if "amends" in self.document else "signed"

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest and the first page of a settlement say of it."""
        amends = self.document.get("amends", {})
        signed: dt.date = self.document["signed"]
        facts = {"hash": self.hash, "signed": signed.isoformat(), "late": self.late, "ssinfer": __version__}
        return facts | {name: amends.get(name, "") for name in ("reason", "amends")}


def read_agreement(path: str | Path) -> Agreement:
    """Read the agreement in a file, or in a folder of `ssinfer sign`; a newer or a changed one is refused."""
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    text = read_text(path, "the agreement", StudyError, "Pass the folder that `ssinfer sign` wrote.")
    agreement, given = Agreement(text), _HASH.findall(text)
    document = agreement.document if len(given) == 1 else {}
    version = str(document.get("versions", {}).get("ssinfer", ""))
    if _numbers(version) > _numbers(__version__) or document.get("format", FORMAT) != FORMAT:
        raise StudyError(
            f"{path} is of ssinfer {version}, and this is {__version__}, which does not know its rules. Install the "
            f"version that settles it: {install(version)}"
        )
    if not document or _digest(text) != given[0]:
        raise StudyError(f"{path} is no agreement, or was changed after it was signed: its hash does not fit. {_COPY}")
    return agreement


def install(version: str) -> str:
    """Return the command that installs a version."""
    return f"python -m pip install 'ssinfer=={version}'"


def plain(value: Any) -> Any:
    """Return a value as TOML can hold it: None is left out of tables and lists, other objects are texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value if part is not None]
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | bool | int | float | dt.date) else str(value)


def _digest(text: str) -> str:
    return hashlib.sha256(_HASH.sub('hash = ""', text, count=1).encode()).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
