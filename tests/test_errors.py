"""Unexpected exceptions: an id that says which fault it is, and a traceback without values."""

import pytest

from ssinfer.errors import error_id, traceback_without_values


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
