"""Packs a value as a ZIP file of JSON and NumPy arrays, and unpacks it; only classes that both name are made."""

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import xarray as xr

NUMERIC = "biufcmM"  # kinds of arrays in files of their own
STRUCTURE = "structure.json"
type Classes = Mapping[str, tuple[type, tuple[str, ...]]]  # by name: what is made of it, and the fields that are kept
type Form = tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]  # types, what makes them simpler, and again


class Text(str):
    """What an object prints."""

    __slots__ = ()
    __repr__ = str.__str__


def pack(value: Any, classes: Classes) -> bytes:
    """Return a value as the bytes of a ZIP file, the same for the same value.

    It may hold numbers, texts, dates, periods, lists, tuples, sets, mappings, arrays, frames, labelled arrays, and the
    kept fields of `classes`. Anything else becomes the text that it prints. What occurs twice is written once, and is
    one object again after :func:`unpack`.
    """
    known: dict[int, tuple[int, Any]] = {}  # place by id; the value is kept, so that no other gets its id
    objects, files = list[Any](), dict[str, bytes]()

    def node(part: Any) -> Any:
        part = part.item() if isinstance(part, np.generic) else None if part is pd.NA else part
        if isinstance(part, list):
            return [node(each) for each in part]
        if isinstance(part, float):
            return part if math.isfinite(part) else {"float": repr(part)}
        if part is None or isinstance(part, int | str):
            return str(part) if isinstance(part, str) else part
        if id(part) not in known:
            if isinstance(part, np.ndarray) and part.dtype.kind in NUMERIC:
                np.save(stream := BytesIO(), part, allow_pickle=False)
                content: dict[str, Any] = {"array": (name := f"{len(files)}.npy")}
                files[name] = stream.getvalue()
            elif (name := type(part).__name__) in classes:
                content = {name: [node(getattr(part, field)) for field in classes[name][1]]}
            else:
                form = next(form for form, (kind, *_) in FORMS.items() if isinstance(part, kind))
                content = {form: node(FORMS[form][1](part))}
            known[id(part)] = len(objects), part
            objects.append(content)
        return {"object": known[id(part)][0]}

    files[STRUCTURE] = json.dumps({"value": node(value), "objects": objects}, allow_nan=False).encode()
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files by name as a ZIP file, the same for the same files."""
    with ZipFile(stream := BytesIO(), "w") as archive:
        for name, file in files.items():
            archive.writestr(ZipInfo(name), file, ZIP_DEFLATED)  # dated 1980
    return stream.getvalue()


def unpack(content: bytes, classes: Classes) -> Any:
    """Return the value of :func:`pack`; other bytes are a ValueError, TypeError, LookupError or BadZipFile."""
    objects = list[Any]()

    def value(node: Any) -> Any:
        if isinstance(node, list):
            return [value(part) for part in node]
        if not isinstance(node, dict):
            return node
        ((form, part),) = node.items()
        if form == "object":
            return objects[part]
        if form == "array":
            return np.load(BytesIO(archive.read(part)), allow_pickle=False)
        return _instance(*classes[form], value(part)) if form in classes else FORMS[form][2](value(part))

    with ZipFile(BytesIO(content)) as archive:
        structure = json.loads(archive.read(STRUCTURE))
        for node in structure["objects"]:
            objects.append(value(node))
        return value(structure["value"])


def _instance(kind: Any, names: tuple[str, ...], parts: list[Any]) -> Any:
    """Return an object with its kept fields, None in others; its constructor, which may refuse that, is not called."""
    made = kind.__new__(kind)
    kept = dict(zip(names, parts, strict=True))
    for name, part in {**dict.fromkeys(getattr(kind, "__dataclass_fields__", ())), **kept}.items():
        object.__setattr__(made, name, part)
    return made


def _columns(frame: pd.DataFrame) -> list[Any]:
    """Return labels, types, rows and columns of a frame; columns of numbers as arrays, others as lists."""
    columns = [column for _, column in frame.items()]
    numeric = [isinstance(column.dtype, np.dtype) and column.dtype.kind in NUMERIC for column in columns]
    parts = [part.to_numpy() if number else part.tolist() for part, number in zip(columns, numeric, strict=True)]
    rows = frame.index
    numbers = range(rows.start, rows.stop, rows.step) if isinstance(rows, pd.RangeIndex) else rows.to_numpy()
    return [[*frame.columns], [str(column.dtype) for column in columns], numbers, parts]


def _frame(parts: list[Any]) -> pd.DataFrame:
    labels, types, rows, columns = parts
    made = [pd.Series(column, rows, dtype) for dtype, column in zip(types, columns, strict=True)]
    return pd.DataFrame(dict(enumerate(made)), rows).set_axis(labels, axis=1)


def _cells(parts: list[Any]) -> Any:
    values = np.empty(len(parts[1]), dtype=object)
    values[:] = parts[1]
    return values.reshape(parts[0])


FORMS: dict[str, Form] = {  # the first that fits
    "float": ((), repr, float),  # not finite
    "range": (range, lambda numbers: [numbers.start, numbers.stop, numbers.step], lambda parts: range(*parts)),
    "tuple": (tuple, list, tuple),
    "set": (set | frozenset, sorted, frozenset),
    "dataset": (xr.Dataset, lambda dataset: dataset.to_dict(data="array"), xr.Dataset.from_dict),  # a Mapping, too
    "mapping": (Mapping, lambda table: [[*row] for row in table.items()], dict),
    "time": (dt.datetime, lambda time: pd.Timestamp(time).isoformat(), pd.Timestamp),
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "period": (
        pd.Period,
        lambda period: [period.ordinal, period.freqstr],
        lambda p: pd.Period(ordinal=p[0], freq=p[1]),
    ),
    "cells": (np.ndarray, lambda cells: [[*cells.shape], cells.ravel().tolist()], _cells),
    "frame": (pd.DataFrame, _columns, _frame),
    "labelled": (xr.DataArray, lambda array: array.to_dict(data="array"), xr.DataArray.from_dict),
    "text": (object, repr, Text),
}
