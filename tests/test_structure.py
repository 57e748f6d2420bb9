"""Values packed as JSON and arrays: what is unpacked equals them, and other bytes make nothing."""

import datetime as dt
import json
import pickle
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from ssinfer.finding import Finding
from ssinfer.structure import STRUCTURE, pack, unpack

CLASSES = {"Finding": (Finding, ("id", "numbers"))}


class Odd:
    def __repr__(self):
        return "Odd()"


def again(value):
    return unpack(pack(value, CLASSES), CLASSES)


@pytest.mark.parametrize(
    "value",
    [
        [None, True, 3, -0.1, "é\u202e<b>", ["a"], (1, (2.5,)), frozenset({"b", "a"})],
        {("design", "method"): {1: {}}, 2020: [], dt.date(2020, 1, 2): pd.Period("2020Q3", "Q")},
        [pd.Timestamp("2020-01-02 03:04", tz="UTC"), pd.Timestamp("2020"), float("inf"), np.int64(3), np.float64(0.1)],
    ],
)
def test_plain_values(value):
    assert again(value) == value


def test_frames_keep_types_missing_values_and_rows():
    frame = pd.DataFrame(
        {
            "text": pd.Series(["a", None, "a"], dtype="str"),
            "number": [1.0, np.nan, -np.inf],
            "whole": np.array([1, 2, 3], dtype=np.int16),
            "short": np.array([0.1, 0.2, np.nan], dtype=np.float32),
            "mixed": [True, None, "x"],
            "label": pd.Categorical(["y", "x", None]),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
            "period": pd.PeriodIndex(["2020Q1", "2020Q2", "2020Q3"], freq="Q"),
            "day": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
        },
        index=[4, 2, 9],
    )
    pd.testing.assert_frame_equal(again(frame), frame)
    empty = frame.iloc[:0].drop(columns="label")
    pd.testing.assert_frame_equal(again(empty), empty)


def test_labelled_arrays():
    coords = {"period": pd.period_range("2020Q1", periods=2, freq="Q").astype(object), "unit": ["a", "b"]}
    array = xr.DataArray([[1.0, np.nan], [3, 4]], coords, ("unit", "period"), name="spending", attrs={"per_year": 4})
    xr.testing.assert_identical(again(array), array)
    xr.testing.assert_identical(again(array.to_dataset()), array.to_dataset())


def test_one_object_stays_one_and_others_keep_what_they_print():
    finding = Finding("id", {"n": 1.0}, accept="word")
    first, second, odd = again([finding, finding, Odd()])
    assert first is second
    assert (first.id, first.numbers, first.accept) == ("id", {"n": 1.0}, None)
    assert (str(odd), repr(odd)) == ("Odd()", "Odd()")
    assert pack([finding], CLASSES) == pack([Finding("id", {"n": 1.0})], CLASSES)


@pytest.mark.parametrize("node", [{"Odd": []}, {"Finding": ["id"]}, {"array": "0.npy"}, {"a": 1, "b": 2}])
def test_what_is_no_packed_value_makes_nothing(node):
    with ZipFile(stream := BytesIO(), "w") as archive:
        archive.writestr(STRUCTURE, json.dumps({"value": node, "objects": []}))
        archive.writestr("0.npy", pickle.dumps(Odd()))
    with pytest.raises((ValueError, LookupError)):
        unpack(stream.getvalue(), CLASSES)
