"""Layout of a table in a text or a spreadsheet: encoding, separator, decimal mark, header, and lines below it."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssinfer.datasets.io.csv import damaged

SEPARATORS = (";", "\t", "|", ",")
SAMPLE = 200  # lines at the top from which a layout is guessed
_UTF8_SIGN = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
#: The first cell of a line below a table.
BELOW = re.compile(
    r"\W*((eind|sub |grand )?tota(al|len|ls?)|som|sum|bron|source|noot|note|toelichting)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"(?!(19|20)\d\d(\.0)?$)[+-]?\d[\d.,' ]*")


@dataclass(frozen=True)
class Layout:
    """How a table is written; None: it is guessed from the file."""

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: int | None = None  # line of the names of columns, from 1
    sheet: str | None = None
    wide: bool | None = None  # whether each period is a column


def decode(path: Path, raw: bytes, encoding: str | None, cure: str) -> tuple[str, str]:
    """Return a text with plain line ends, and its encoding: as stated, by its mark, UTF-8, or else cp1252."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    marked = next((name for mark, name in marks.items() if raw.startswith(mark)), None)
    mixed = _UTF8_SIGN.search(raw) is not None
    for guess in [encoding] if encoding else [marked] if marked else ["utf-8"] if mixed else ["utf-8", "cp1252"]:
        try:
            text = raw.decode(guess)
        except (UnicodeDecodeError, LookupError) as failure:
            error: Any = failure
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n"), guess
    line = raw.count(b"\n", 0, getattr(error, "start", 0)) + 1
    problem = f", line {line} is not {encoding or marked or 'UTF-8'}: another program has saved the file"
    raise damaged(path, problem, cure, 'UTF-8, or the encoding of the key encoding, such as "cp1252"')


def split(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Return the cells of each line."""
    return [next(csv.reader([line], delimiter=separator), []) for line in lines]


def guess_separator(lines: Sequence[str]) -> str | None:
    """Return the separator under which the most lines below the first header have as many cells as that has."""
    best: tuple[tuple[float, int, int], str] | None = None
    for separator in SEPARATORS:
        rows = split(lines[:SAMPLE], separator)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            continue
        width = widths.most_common(1)[0][0]
        header = next(number for number, row in enumerate(rows) if len(row) == width)
        below = [row for row in rows[header:] if any(row)]
        score = (sum(len(row) == width for row in below) / len(below), -header, width)
        if best is None or score > best[0]:
            best = score, separator
    return None if best is None else best[1]


def find_header(rows: Sequence[Sequence[Any]]) -> int:
    """Return the number of the first row with a name, no number but a year, in every used column but perhaps one."""
    sample = [[str(cell).strip() for cell in row] for row in rows[:SAMPLE]]
    width = Counter(len(row) for row in sample if any(row)).most_common(1)[0][0] if any(map(any, sample)) else 0
    filled = [sum(len(row) > place and row[place] != "" for row in sample) for place in range(width)]
    used = sum(2 * count > max(filled, default=0) for count in filled)
    for number, row in enumerate(sample):
        names = [cell for cell in row if cell]
        if len(row) == width and len(names) >= max(2, used - 1) and not any(map(_NUMBER.fullmatch, names)):
            return number
    return next((number for number, row in enumerate(sample) if any(row)), 0)


def last_row(rows: Sequence[Sequence[Any]], header: int) -> int:
    """Return the number of rows without those below the table: blank, totals, sources, and notes after a blank row."""
    width = sum(cell != "" for cell in rows[header])
    end = len(rows)
    for number in range(len(rows) - 1, header, -1):
        filled = [text for cell in rows[number] if (text := str(cell).strip())]
        alone = len(filled) == 1 and not any(str(cell).strip() for cell in rows[number - 1])
        if filled and not (alone or (len(filled) < width and BELOW.match(filled[0]))):
            break
        end = number
    return end
