"""Terms: every value of every built-in contract, changed to a wrong type or beyond its range, is refused."""

import copy
import tomllib
from pathlib import Path

import pytest

import ssinfer.contracts
from ssinfer.contracts.contract import Contract, load_contract, shipped_contracts
from ssinfer.contracts.settle import settle
from ssinfer.contracts.terms import NetTerms, SharingTerms, ThresholdTerms
from ssinfer.errors import ContractError

FOLDER = Path(ssinfer.contracts.__file__).parent
GIVEN = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")) for name in shipped_contracts()}
NAMES = {"name", "payer", "deductions", "direct_savings"}  # any text that is not empty
FREE = {"title", "source", "notes", "trend", "assumed"}  # text for readers, which may be empty
GATES = {"kind": "gate_table", "scale": 5, "gates": [[1.0, 0.5, 0.5], [9.0, 0.9, 0.1]]}
NO_NUMBER = ("0.5", "false", "", True, float("nan"), float("inf"), [0.5], {"a": 0.5})
WRONG = {
    float: (*NO_NUMBER, -1, 10**400, 1e12),
    int: (*NO_NUMBER, -1, 0.5, 10**400, 1e12),
    bool: ("false", "", 0, 1, -1, float("nan"), [True], {"a": True}),
    str: (-1, 0.5, True, float("nan"), ["schedule"], {"a": "b"}),
    list: ("schedule", -1, True, float("nan"), {"a": 0.5}, [{}], [[[]]]),
    dict: ("schedule", -1, True, float("nan"), [0.5], ""),
}


def places(value, path=()):
    """Yield the path and the value of everything in a contract: tables, lists and what they hold."""
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def changed(given, path, value, key=None):
    """Return a copy of a contract with another value, or another `key`, at a place."""
    new = copy.deepcopy(given)
    table = new
    for part in path[:-1]:
        table = table[part]
    if key is not None:
        value = table.pop(path[-1])
    table[path[-1] if key is None else key] = value
    return new


def wrong_values(path, value):
    if not isinstance(value, str) or FREE.intersection(path):
        return WRONG[type(value)]
    return (*WRONG[str], "", "a\nb", *(() if NAMES.intersection(path) else ("shedule",)))


def refusal(given):
    """Return the message with which a contract is refused; empty if it is taken."""
    try:
        Contract.from_mapping(given)
    except ContractError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", shipped_contracts())
def test_every_wrong_value_is_refused_by_name(name):
    """Fault R4: types and ranges of every term of every year, also in amendments, gates and parties."""
    faults = []
    for path, value in places(GIVEN[name]):
        term = next(part for part in reversed(path) if isinstance(part, str))
        messages = {repr(wrong): refusal(changed(GIVEN[name], path, wrong)) for wrong in wrong_values(path, value)}
        faults += [(path, wrong, said) for wrong, said in messages.items() if term.rstrip("s") not in said]
    assert faults == []


@pytest.mark.parametrize("name", shipped_contracts())
def test_a_misspelt_term_or_word_is_refused_with_the_nearest(name):
    """Fault R4: a misspelt key or word, in tables, amendments and quality."""
    faults = []
    for path, value in places(GIVEN[name]):
        if (
            isinstance(path[-1], str)
            and len(path[-1]) > 1
            and path[0] not in {"parties", "name", "first_year", "last_year"}
        ):
            said = refusal(changed(GIVEN[name], path, None, key=path[-1][0] + path[-1][2:]))
            wanted = "needs a year" if path[-1] == "year" else f"Did you mean {path[-1]!r}"
            wanted = "rule_year" if path[-1] == "rule_year" else wanted
            faults += [] if wanted in said else [(path, said)]
        if path[-1] in {"basis", "kind", "default", "schedule", "below"} or (path[-1], value) == ("sharing", "excess"):
            said = refusal(changed(GIVEN[name], path, value[0] + value[2:]))
            faults += [] if f"{path[-1]} cannot be" in said and repr(value) in said else [(path, said)]
    assert faults == []


def test_the_word_that_paid_300_000_is_refused():
    """Fault R4: `default = "shedule"` in a copy of mssp-track-3 set the threshold to 0."""
    for wrong in ("shedule", "", -1, True, ["schedule"]):
        said = refusal(changed(GIVEN["mssp-track-3"], ("threshold", "default"), wrong))
        assert f"threshold.default cannot be {wrong!r}. " in said
        assert "'schedule'" in said
    money = {"benchmark": 3400.0, "spending": 3380.0, "insured_years": 20_000, "quality": 90}
    assert settle(Contract.from_mapping(GIVEN["mssp-track-3"]), **money).payment == 0.0


def test_texts_for_readers_change_no_amount():
    """Fault R4: what may be any text has no effect on money."""
    money = {"benchmark": 100.0, "spending": 90.0, "insured_years": 20_000}
    for name in ("mijnzorg", "mssp-basic-e"):
        given = GIVEN[name]
        amounts = list(settle(Contract.from_mapping(given), **money).cents.values())
        for path, _ in places(given):
            if isinstance(path[-1], str) and path[-1] in {*FREE, *NAMES} - {"assumed", "deductions", "direct_savings"}:
                other = Contract.from_mapping(changed(given, path, "others"))
                assert list(settle(other, **money).cents.values()) == amounts


def test_every_rule_year_is_checked_when_a_contract_is_loaded():
    """Fault R4: a fault of another year than the one asked for."""
    given = {
        "name": "x",
        "first_year": 2019,
        "last_year": 2024,
        "amendments": [{"year": 2022, "sharing": {"losses": 3}}],
    }
    with pytest.raises(ContractError, match=r"x, rules of 2022: sharing.losses must be a fraction from 0 to 1, got 3."):
        Contract.from_mapping(given, year=2019)
    given["amendments"][0]["rule_year"] = 2020
    with pytest.raises(ContractError, match="An amendment has no term 'rule_year'"):
        Contract.from_mapping(given)
    with pytest.raises(ContractError, match=r"x has rule_year and amendments. Give rule_year alone, or first_year"):
        Contract.from_mapping({"name": "x", "rule_year": 2024, "amendments": []})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Contract("half"), "no 'name'|given by name"),
        (lambda: Contract.from_mapping("half"), "must be a table of terms, got 'half'"),
        (lambda: Contract.from_mapping({1: 2, "name": "x", "rule_year": 2024}), "no term '1'"),
        (lambda: load_contract("mssp-basic-e", year="2024"), "rules for the years 2019 to 2024, got '2024'"),
        (lambda: SharingTerms(savings=1.5), r"sharing.savings must be a fraction from 0 to 1, got 1.5"),
        (lambda: ThresholdTerms(kind="schedule"), "threshold.schedule is missing. Allowed: 'mssp'"),
        (lambda: NetTerms(deductions=["a\x1bb"]), "item 1 of net.deductions must be a name without control"),
        (
            lambda: Contract(name="x", rule_year=2024, quality=GATES),
            r"gates: \(9.0, 0.9, 0.1\) must lie on the scale 0 to 5",
        ),
    ],
)
def test_calls_that_no_contract_can_come_from(call, message):
    with pytest.raises(ContractError, match=message):
        call()
