"""Mutants of files: cut, swapped, doubled, mistyped, with control characters; and strict readers of CSV and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import random

SIGNS = ["\x00", "\x1b", "\x07", "\r", "\n", "\t", "\u202e", "\ufeff", "\u200b", '"', "'", ";", ",", "\\", "é", " "]
CELLS = [
    *("", " ", "NA", "NULL", "nan", "inf", "-inf", "x", "-5", "0", "-0", "1e400", "1e-320", "1e3", "0x10", "1_000"),
    *("1,5", '"1,5"', "1.000,5", "TRUE", "2012-01-01", "2018-02-30", "30-12-2018", "infinity", "epoch", " 5", "5 "),
    *("９", "=1+1", "'5", '"5', '""', "9" * 19, "9" * 40, "007", "2018-02-03 12:00", "20180203", "#", "€5", "None"),
]


class Unreadable(Exception):  # noqa: N818
    """A file that a strict reader does not read."""


def _rows(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode(), newline="")))


def _bytes(rows) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _place(rng, rows):
    return rng.randrange(1, len(rows)), rng.randrange(len(rows[0]))


def _with_cell(rng, raw, change) -> bytes:
    rows = _rows(raw)
    row, column = _place(rng, rows)
    rows[row][column] = change(rows[row][column])
    return _bytes(rows)


def _digit(rng, cell):
    places = [place for place, sign in enumerate(cell) if sign.isdigit()]
    if not places:
        return cell + "1"
    place = rng.choice(places)
    return cell[:place] + rng.choice("0123456789") + cell[place + 1 :]


def _moved_columns(rng, raw, *, header):
    """Return the table with columns in another order; without `header`, the names stay where they are."""
    rows = _rows(raw)
    order = rng.sample(range(len(rows[0])), len(rows[0]))
    return _bytes([row if not (header or number) else [row[k] for k in order] for number, row in enumerate(rows)])


def _exchanged_names(rng, raw):
    rows = _rows(raw)
    a, b = rng.sample(range(len(rows[0])), 2)
    rows[0][a], rows[0][b] = rows[0][b], rows[0][a]
    return _bytes(rows)


def _renamed(rng, raw):
    rows = _rows(raw)
    place = rng.randrange(len(rows[0]))
    name = rows[0][place]
    rows[0][place] = rng.choice(
        [name.upper(), name + " ", name[:-1], "", rng.choice(rows[0]), name + "\x00", f'"{name}"']
    )
    return _bytes(rows)


def _with_rows(rng, raw, change):
    rows = _rows(raw)
    change(rows, rng.randrange(1, len(rows)))
    return _bytes(rows)


def _at(rng, raw, change):
    place = rng.randrange(len(raw))
    return raw[:place] + change(raw[place : place + 1]) + raw[place + 1 :]


def _shuffled(rng, raw):
    header, *rows = _rows(raw)
    return _bytes([header, *rng.sample(rows, len(rows))])


#: What may happen to the bytes of a CSV file: name -> (random, bytes) to bytes.
CSV = {
    "cut": lambda rng, raw: raw[: rng.randrange(len(raw))],
    "cut at a line's end": lambda rng, raw: raw[: rng.choice([k + 1 for k in range(len(raw)) if raw[k] == 10])],
    "head lost": lambda rng, raw: raw[rng.randrange(1, len(raw)) :],
    "digit": lambda rng, raw: _with_cell(rng, raw, lambda cell: _digit(rng, cell)),
    "cell": lambda rng, raw: _with_cell(rng, raw, lambda _cell: rng.choice(CELLS)),
    "sign in a cell": lambda rng, raw: _with_cell(rng, raw, lambda cell: rng.choice(SIGNS) + cell),
    "sign": lambda rng, raw: _at(rng, raw, lambda byte: byte + rng.choice(SIGNS).encode()),
    "byte": lambda rng, raw: _at(rng, raw, lambda _byte: bytes([rng.randrange(256)])),
    "byte lost": lambda rng, raw: _at(rng, raw, lambda _byte: b""),
    "columns moved": lambda rng, raw: _moved_columns(rng, raw, header=True),
    "values moved": lambda rng, raw: _moved_columns(rng, raw, header=False),
    "names exchanged": _exchanged_names,
    "renamed": _renamed,
    "shuffled": _shuffled,
    "doubled": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows.insert(k, rows[k])),
    "line lost": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows.pop(k)),
    "header again": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows.insert(k, rows[0])),
    "blank line": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows.insert(k, [""])),
    "field more": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows[k].append("7")),
    "field less": lambda rng, raw: _with_rows(rng, raw, lambda rows, k: rows[k].pop()),
    "other text": lambda rng, raw: rng.choice(
        [
            raw.replace(b"\n", b"\r\n"),
            raw.replace(b"\n", b"\r"),
            b"\xef\xbb\xbf" + raw,
            raw.replace(b",", b";"),
            raw.replace(b",", b"\t"),
            raw.decode().encode("utf-16"),
            gzip.compress(raw, mtime=0),
            raw + b"\n\n",
            raw.rstrip(b"\n"),
            raw.replace(b".", b","),
            b"",
            b"\n",
            raw.upper(),
            raw * 2,
        ]
    ),
}


def _typed(rng, frame):
    """Return a frame with one column of another type, or as text."""
    name = rng.choice(list(frame.columns))
    kinds = ["str", "float32", "float64", "int64", "category", "bool", "datetime64[ns]", "object", "Int64", "complex"]
    return frame.assign(**{name: frame[name].astype(rng.choice(kinds))})


def _nothing(rng, frame):
    name, row = rng.choice(list(frame.columns)), rng.randrange(len(frame))
    column = frame[name].astype(object)
    column.iloc[row if rng.random() < 0.7 else slice(None)] = None
    return frame.assign(**{name: column})


def _exchanged(rng, frame):
    a, b = rng.sample(list(frame.columns), 2)
    return frame.rename(columns={a: b, b: a})


_FRAMES = {
    "type": _typed,
    "no values": _nothing,
    "names exchanged": _exchanged,
    "columns moved": lambda rng, frame: frame[rng.sample(list(frame.columns), len(frame.columns))],
    "shuffled": lambda rng, frame: frame.sample(frac=1, random_state=rng.randrange(1000)),
    "doubled": lambda rng, frame: pd.concat([frame, frame.iloc[[rng.randrange(len(frame))]]]),
    "line lost": lambda rng, frame: frame.drop(index=rng.randrange(len(frame))),
    "column lost": lambda rng, frame: frame.drop(columns=rng.choice(list(frame.columns))),
    "empty": lambda _rng, frame: frame.iloc[:0],
    "lists": lambda rng, frame: frame.assign(**{rng.choice(list(frame.columns)): [[1]] * len(frame)}),
    "index": lambda rng, frame: frame.set_index(rng.choice(list(frame.columns))),
}
PARQUET = (*_FRAMES, "cut", "byte", "text")


def parquet_mutant(rng: random.Random, kind: str, frame: pd.DataFrame) -> bytes:
    """Return the bytes of a Parquet file of a frame, changed in one way of PARQUET."""
    if kind in _FRAMES:
        try:
            return _FRAMES[kind](rng, frame).to_parquet()
        except (ValueError, TypeError, OverflowError, NotImplementedError, pa.ArrowException):
            return frame.to_parquet()  # no file of that kind can be written
    raw = frame.to_parquet()
    if kind == "text":
        return frame.to_csv(index=False).encode()
    return raw[: rng.randrange(len(raw))] if kind == "cut" else _at(rng, raw, lambda _byte: bytes([rng.randrange(256)]))


def read_csv_strictly(raw: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV text by RFC 4180 (one header, rows of equal length, an end of the last line).

    The text is UTF-8, or UTF-16 by its mark.
    """
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        separator = max(",;\t|", key=text.partition("\n")[0].count)
        header, *rows = (
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row
        )
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise Unreadable(str(error)) from None
    if text[-1] not in "\r\n" or any(len(row) != len(header) for row in rows) or len(set(header)) < len(header):
        raise Unreadable("cut, uneven, or a column twice")
    return [dict(zip(header, row, strict=True)) for row in rows]


def read_parquet_strictly(raw: bytes) -> list[dict]:
    """Return the rows of a Parquet file as Arrow holds them."""
    try:
        return pq.read_table(io.BytesIO(raw)).to_pylist()
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        raise Unreadable(str(error)) from None
