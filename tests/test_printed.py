"""Numbers in print have no more digits than their standard error supports."""

import pytest

from ssinfer.figures.style import shorten
from ssinfer.printed import (
    column_with_errors,
    count,
    decimals_of,
    listed,
    money,
    percent,
    percent_with_error,
    plain,
    total,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ([decimals_of(error) for error in (0.03, 0.14, 2.2, 31.0, NAN, 0.0, INF)], [2, 2, 0, -1, 1, 1, 1]),
        ([plain(1234.5, -1), plain(0.0312, 2), plain(-INF, 2)], ["1,230", "0.03", "\N{EN DASH}"]),
        (column_with_errors([0.0331, 0.0330], [0.0003, 0.0004], 100), ["3.31 ± 0.03", "3.30 ± 0.04"]),
        (column_with_errors([0.42], [NAN], 100), ["42.0"]),
        ([percent(0.03312, 0.0004), percent(0.0456, 0.007), percent(-0.0213)], ["3.31%", "4.6%", "−2.1%"]),
        ([percent_with_error(0.113, 0.052), percent_with_error(0.113, NAN)], ["11 ± 5%", "11%"]),
        ([money(-64.33, "EUR"), money(2864.02, "EUR")], ["−EUR 64", "EUR 2,864"]),
        ([total(4_212_000, "EUR"), total(-38_400, "EUR")], ["EUR 4.2 million", "−EUR 38,000"]),
        ([total(value, "EUR") for value in (NAN, INF)], ["\N{EN DASH}"] * 2),
        (count(44369.4), "44,369"),
        ([listed([*"abc"[:n]]) for n in range(4)], ["", "a", "a and b", "a, b and c"]),
        ([shorten("short"), shorten("x" * 50, 10)], ["short", "xxxxx…xxxx"]),
    ],
)
def test_numbers_in_print(printed, expected):
    assert printed == expected
