"""Arguments: every wrong type and value is refused by name; whole floats are read as whole numbers."""

import numpy as np
import pytest

from ssinfer.arguments import COUNT, FLAG, Choice, Number, Optional, check_arguments
from ssinfer.errors import ParameterError

RULES = {
    "n_draws": Number(2, whole=True),
    "level": Number(0, 1, open=True),
    "side": Choice(("one-sided", "two-sided")),
    "demean": FLAG,
    "seed": Optional(COUNT),
}
GOOD = {"n_draws": 500.0, "level": 0.95, "side": "one-sided", "demean": True, "seed": None}


def test_good_values_are_read():
    assert check_arguments("M", RULES, GOOD) == {**GOOD, "n_draws": 500}
    assert check_arguments("M", {"n": COUNT}, {"n": np.int64(3)}) == {"n": 3}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("n_draws", 1, "a whole number of at least 2"),
        ("n_draws", 2.5, "a whole number"),
        ("n_draws", "500", "a whole number"),
        ("n_draws", None, "a whole number"),
        ("n_draws", True, "a whole number"),
        ("n_draws", [500], "a whole number"),
        ("n_draws", float("nan"), "a whole number"),
        ("level", 1, "more than 0 and less than 1"),
        ("side", "one-side", r"'one-sided' or 'two-sided'\. Did you mean 'one-sided'"),
        ("demean", "false", "True or False"),
        ("demean", 1, "True or False"),
        ("seed", -1, "None or a whole number of at least 1"),
    ],
)
def test_bad_values_are_refused_by_name(name, value, allowed):
    with pytest.raises(ParameterError, match=rf"^M: {name} is .*; allowed: .*{allowed}"):
        check_arguments("M", RULES, {**GOOD, name: value})
