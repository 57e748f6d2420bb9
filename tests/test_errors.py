"""Unexpected exceptions: an id that says which fault it is, and a traceback without values."""

import pickle

import pytest

from ssinfer.errors import (
    DataError,
    StudyError,
    error_id,
    raised_as,
    refuse_unknown,
    shorten,
    traceback_without_values,
)


def fail(value, *, within=False):
    try:
        return {}[value]
    except KeyError as error:
        if within:
            raise ValueError(f"{value}\n  of a person") from error
        raise


def caught(value, **options):
    with pytest.raises((KeyError, ValueError)) as info:
        fail(value, **options)
    return info.value


def test_a_fault_has_one_id_whatever_the_values():
    assert error_id(caught("Jansen")) == error_id(caught("de Vries"))
    assert error_id(caught("Jansen")) != error_id(caught("Jansen", within=True))


def test_the_traceback_has_the_lines_of_every_cause_and_no_value():
    """Fault A8: the traceback in DIR.failed holds no values of variables."""
    name = chr(74) + "ansen"
    error = caught(name, within=True)
    error.add_note(name)
    text = traceback_without_values(error)
    assert "return {}[value]" in text
    assert "from error" in text
    assert name not in text


@pytest.mark.parametrize(
    "value",
    ["x" * 20_000, "a b" * 9000, "it's " * 900, [0.25] * 5000, ("a", 1) * 900, {"key": list(range(900))}, b"x" * 999],
    ids=lambda value: type(value).__name__,
)
def test_a_message_quotes_at_most_200_characters_of_a_value(value):
    """Fault R44: a message of 20,158 characters for one value."""
    error = DataError(f"The contract's key 'a' is {value!r}; allowed: one of the units' names.")
    assert len(str(error)) < 500
    assert str(error).startswith("The contract's key 'a' is ")
    assert str(error).endswith("; allowed: one of the units' names.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == shorten(error)  # noqa: S301  (our own bytes)


def test_messages_that_quote_little_stay_as_they_are():
    """Fault R44: sentences with apostrophes, and lists of a few names."""
    text = f"The units' {'long sentence ' * 100}of the contract's parties {['a', 'b c', 3]} ('d', \"e's\")."
    assert str(DataError(text)) == text


def test_invisible_signs_of_a_message_are_shown_as_escapes():
    """Fault FZ1: a key or a rule year with ESC or a zero-width blank reached the console as it was."""
    assert str(DataError("unknown key 'a\x1b\u200bb\u202e'\né")) == "unknown key 'a\\x1b\\u200bb\\u202e'\né"


def test_an_error_is_raised_under_its_place_and_others_pass():
    with pytest.raises(StudyError, match=r"^case.groups: no unit$") as info, raised_as(StudyError, "case.groups:"):
        raise DataError("no unit")
    assert isinstance(info.value.__cause__, DataError)
    with pytest.raises(KeyError), raised_as(StudyError, "case.groups:"):
        raise KeyError("a fault")


def test_an_unknown_name_is_refused_with_the_nearest():
    refuse_unknown(["pharmacy"], ["pharmacy"], "saving names", DataError)
    with pytest.raises(DataError, match=r"saving names 'farmacy'. Did you mean 'pharmacy'"):
        refuse_unknown(["pharmacy", "farmacy"], ["pharmacy"], "saving names", DataError)
