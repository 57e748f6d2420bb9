"""Numbers in text with separators of thousands or decimal commas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.numerals import plain_spellings, read_number

CASES = {
    "20.000": ("20000", "20"),
    "2,416": ("2416", "2.416"),
    "85.125": ("85125", "85.1250"),
    "2,074.33": ("2074.33",),
    "2.415,97": ("2415.97",),
    "1.234.567": ("1234567",),
    "1 234": ("1234",),
    "100,50": ("100.50",),
    "-1,234.5": ("-1234.5",),
    "20000": (),
    "2415.97": (),
    "2.4160": (),
    "1.234.5": (),
    "abc": (),
}


@pytest.mark.parametrize("text", CASES)
def test_spellings(text):
    """Fault A1: each spelling, with the advice that is right for it."""
    assert plain_spellings(text) == CASES[text]


@given(st.integers(1000, 10**9), st.sampled_from(["{:,}", "{:,}.5"]), st.booleans())
def test_every_number_with_separators_is_read_back(number, form, dutch):
    text = form.format(number)
    text = text.translate(str.maketrans(",.", ".,")) if dutch else text
    assert float(plain_spellings(text)[0]) == float(form.replace(":,", "").format(number))


@pytest.mark.parametrize("text", ["20_000", "٣", "３４", "3_4.5"])
def test_digits_of_other_alphabets_and_underscores_are_refused(text):
    """Fault FZ10: Python reads these as numbers."""
    with pytest.raises(ValueError, match="is not a number in plain digits"):
        read_number(text)
