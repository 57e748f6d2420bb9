"""Text as other programs write it: read as it is, or refused with the line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.datasets.io.csv import read_delimited
from ssinfer.errors import DatasetError

TEXT = "unit,period,spending\nu1,2010,2000.5\nu1,2011,2100\nu2,2010,1900.25\n"


def read(raw, **options):
    return read_delimited(Path("panel.csv"), raw, "export it again", **options)


@given(
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.sampled_from(["", "sep={}\n", '"sep={}"\n', "SEP={}\n", "\n"]),
    st.sampled_from([",", ";", "\t"]),
)
@settings(max_examples=25)
def test_line_ends_marks_and_a_spreadsheets_first_line_change_nothing(end, mark, first, separator):
    """Fault A5: CR line ends were "truncated", `sep=,` was blamed on decimal commas."""
    text = first.format(separator) + TEXT.replace(",", separator)
    frame = read(mark + text.replace("\n", end).encode(), separator=separator)
    pd.testing.assert_frame_equal(frame, read(TEXT.encode()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sep=,\r" + TEXT.replace("2100", "2,100").replace("\n", "\r"), "line 4: 4 fields, the header has 3: unquoted"),
        ("sep=;\n" + TEXT.replace(",", ";").replace("2000.5", "2000,5"), "line 3: '2000,5' is written with a decimal"),
        (TEXT.replace("u2", "ú2"), "line 4 is not UTF-8"),
        ("sep=,\n", "is empty"),
        (TEXT[:-3], "its last line has no end: it may be cut.*if it is whole, end its last line"),
    ],
)
def test_the_line_is_that_of_the_file(text, words):
    with pytest.raises(DatasetError, match=words):
        read(text.encode("latin-1"), separator=";" if ";\n" in text else ",")
