"""Contracts are validated at birth: one test per mistake, and every shipped file loads in every rule year."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

import ssinfer.contracts
from ssinfer.contracts.contract import Contract, load_contract, shipped_contracts
from ssinfer.contracts.terms import BenchmarkTerms
from ssinfer.errors import ContractError

FOLDER = Path(ssinfer.contracts.__file__).parent

# The list of the issue: every contract of the field that has to be shipped.
REQUIRED = {
    "kerngezond-vlissingen",
    *(f"mssp-basic-{level}" for level in "abcde"),
    "mssp-enhanced",
    *(f"mssp-track-{track}" for track in "123"),
    "physician-group-practice",
    "pioneer",
    "arts-en-zorg-menzis",
    "mijnzorg",
    "alternative-quality-contract",
    "gesundes-kinzigtal",
    "virtual-budget",
}


def contract(**terms):
    return Contract(**{"name": "example", "rule_year": 2024, **terms})


def years_of(name):
    given = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    if "rule_year" in given:
        return [given["rule_year"]]
    return list(range(given["first_year"], given["last_year"] + 1))


def test_every_contract_of_the_issue_is_shipped():
    assert set(shipped_contracts()) == REQUIRED


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_every_rule_year_loads_with_its_source(name):
    for year in years_of(name):
        terms = load_contract(name, year=year)
        assert terms.name == name
        assert terms.rule_year == year
        assert len(terms.source) > 20


@pytest.mark.parametrize("level", "abcde")
def test_basic_track_covers_2019_to_2024(level):
    assert years_of(f"mssp-basic-{level}") == list(range(2019, 2025))


def test_default_is_the_latest_rule_year():
    assert load_contract("mssp-basic-e").rule_year == 2024
    assert load_contract("mssp-basic-e") == load_contract("mssp-basic-e", year=2024)


# docs/method/contracts.md: BASIC E 50%, cap 10%, loss 30%, cap 4% of benchmark or 8% of revenue; half rate from 2024
def test_basic_e_terms():
    terms = load_contract("mssp-basic-e", year=2024).sharing
    assert (terms.savings, terms.savings_cap_benchmark, terms.losses) == (0.5, 0.10, 0.30)
    assert (terms.losses_cap_benchmark, terms.losses_cap_revenue, terms.lower_rate) == (0.04, 0.08, 0.5)


def test_rules_change_by_year():
    kinds = {year: load_contract("mssp-basic-e", year=year).quality.kind for year in range(2019, 2025)}
    assert kinds == {
        2019: "scaled",
        2020: "scaled",
        2021: "standard",
        2022: "standard",
        2023: "standard",
        2024: "standard",
    }
    assert load_contract("mssp-basic-e", year=2023).sharing.lower_rate == 0.0
    assert load_contract("pioneer", year=2012).sharing.savings == 0.60
    assert load_contract("pioneer", year=2013).sharing.savings == 0.70
    assert not load_contract("arts-en-zorg-menzis", year=2015).two_sided
    assert load_contract("arts-en-zorg-menzis", year=2016).two_sided


def test_an_amendment_replaces_only_its_own_terms():
    terms = load_contract("mssp-basic-e", year=2024).sharing
    assert terms.losses == load_contract("mssp-basic-e", year=2019).sharing.losses


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"sharing": {"savings": 1.2}}, "sharing.savings must be a fraction from 0 to 1, got 1.2"),
        ({"sharing": {"savings": 50}}, "50 looks like a percentage: write 0.5"),
        ({"sharing": {"losses_cap_benchmark": 0.05}}, "one-sided"),
        ({"threshold": {"loss_rate": 0.02}}, "one-sided"),
        (
            {"sharing": {"savings_cap_benchmark": -0.1}},
            "savings_cap_benchmark must be a fraction from 0 to 1, got -0.1",
        ),
        ({"sharing": {"losses": 0.3, "losses_cap_benchmark": -0.1}}, "losses_cap_benchmark must be a fraction"),
        ({"sharing": {"losses": 0.3, "losses_complement": True}}, "exclude each other"),
        ({"sharing": {"losses_complement": True, "losses_minimum": 0.8, "losses_maximum": 0.5}}, "exceeds"),
        ({"sharing": {"saving": 0.5}}, "sharing has no term 'saving'. Did you mean 'savings'"),
        ({"sharing": 0.5}, "sharing must be a table of terms, got 0.5"),
        ({"sharing": {"savings": True}}, "must be a finite number, got True"),
        ({"sharing": {"savings": float("nan")}}, "must be a finite number, got nan"),
        ({"threshold": {"kind": "fixd"}}, "Did you mean 'fixed'"),
        ({"threshold": {"kind": "schedule", "schedule": "msp"}}, "Did you mean 'mssp'"),
        ({"threshold": {"kind": "elected"}}, "needs threshold.allowed"),
        ({"threshold": {"kind": "computed", "level": 0.95}}, "together"),
        ({"threshold": {"kind": "computed", "level": 0.05, "k": 3.0}}, "one-sided level from 0.5"),
        ({"threshold": {"kind": "computed", "level": 0.95, "k": 0.0}}, "threshold.k must be positive"),
        ({"quality": {"kind": "scaled", "scale": 0}}, "quality.scale must be positive"),
        ({"quality": {"kind": "standard", "standard": 120.0}}, "must lie on the scale 0 to 100"),
        ({"quality": {"kind": "gate_table"}}, "need each other"),
        ({"quality": {"kind": "gate_table", "gates": [[0, 0.5, 0.2], [50, 0.2, 0.5]]}}, "must be monotone"),
        ({"quality": {"kind": "gate_table", "gates": [[0, 0.5]]}}, "A quality gate is"),
        ({"benchmark": {"basis": "regional_blnd"}}, "Did you mean 'regional_blend'"),
        ({"benchmark": {"history_weights": [0.1, 0.3, 0.5]}}, "must sum to 1"),
        ({"parties": {"a": 0.5, "b": 0.4}}, "must sum to 1, got 0.9"),
        ({"parties": {}}, "at least one party"),
        ({"parties": {"insurer": 1.0}}, "not the payer"),
        ({"currency": "euro"}, "three capital letters"),
        ({"rule_year": "2024"}, "calendar year, got '2024'"),
        ({"name": ""}, "must be a name"),
        ({"size": {"minimum": -1}}, "head count of 0 or more"),
        ({"years": {"pool": 0}}, "whole number of years of at least 1"),
        ({"years": {"stop_after": -1}}, "0 for never"),
        ({"net": {"deductions": "care costs"}}, "must be a list of names"),
        ({"assumed": "everything"}, "assumed must be a list of names"),
        ({"parties": ["providers"]}, "parties must be a table"),
    ],
)
def test_mistakes_are_refused_by_name(terms, message):
    with pytest.raises(ContractError, match=message.replace("(", r"\(")):
        contract(**terms)


def test_unknown_key_in_a_file_names_the_nearest():
    with pytest.raises(ContractError, match=r"no term 'sharng'. Did you mean 'sharing'"):
        Contract.from_mapping({"name": "x", "rule_year": 2024, "sharng": {}})


def test_unknown_contract_names_the_nearest():
    with pytest.raises(ContractError, match="Did you mean 'mssp-basic-e'"):
        load_contract("mssp-basc-e")


def test_year_without_rules():
    with pytest.raises(ContractError, match="rules for the years 2019 to 2024, got 2018"):
        load_contract("mssp-basic-e", year=2018)
    with pytest.raises(ContractError, match="rules of 2024 only, got 2020"):
        load_contract("kerngezond-vlissingen", year=2020)


def test_missing_name_or_date():
    with pytest.raises(ContractError, match="no 'name'"):
        Contract.from_mapping({"rule_year": 2024})
    with pytest.raises(ContractError, match="needs rule_year, or first_year and last_year"):
        Contract.from_mapping({"name": "x"})


@pytest.mark.parametrize(
    ("amendment", "message"),
    [
        ({"year": 2030}, "an amendment needs a year from 2019 to 2024, got 2030"),
        ({"sharing": {"savings": 0.4}}, "an amendment needs a year"),
        ({"year": 2020, "sharng": {}}, "An amendment has no term 'sharng'. Did you mean 'sharing'"),
        ({"year": 2020, "sharing": {"saving": 0.4}}, "sharing has no term 'saving'"),
    ],
)
def test_mistaken_amendments(amendment, message):
    with pytest.raises(ContractError, match=message):
        Contract.from_mapping({"name": "x", "first_year": 2019, "last_year": 2024, "amendments": [amendment]})


def test_years_the_wrong_way_round():
    with pytest.raises(ContractError, match="last_year must be a calendar year from first_year 2024 on"):
        Contract.from_mapping({"name": "x", "first_year": 2024, "last_year": 2019})


def test_a_users_file(tmp_path):
    file = tmp_path / "users.toml"
    file.write_text('name = "users"\nrule_year = 2025\n[sharing]\nsavings = 0.25\n')
    assert load_contract(file).sharing.savings == 0.25
    assert load_contract(str(file), year=2025).rule_year == 2025


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ContractError, match="There is no contract file"):
        load_contract(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(ContractError, match="not valid TOML"):
        load_contract(broken)


def test_a_contract_is_frozen_and_replaceable():
    terms = contract()
    with pytest.raises(dataclasses.FrozenInstanceError):
        terms.name = "other"
    assert dataclasses.replace(terms, sharing={"savings": 0.3}).sharing.savings == 0.3


# 42 CFR 425: 10/30/60 weights; by hand: 0.1 x 100 + 0.3 x 110 + 0.6 x 120 = 115, trended by 1.1 -> 126.5
def test_benchmark_blend_by_hand():
    terms = BenchmarkTerms(history_weights=(0.1, 0.3, 0.6), regional_weight=0.35, regional_cap=0.05)
    history = (100.0, 110.0, 120.0)
    assert terms.blend(history, trend=1.1) == pytest.approx(126.5)
    assert terms.blend(history, trend=1.1, regional=136.5, national=200.0) == pytest.approx(126.5 + 3.5)
    assert terms.blend(history, trend=1.1, regional=200.0, national=100.0) == pytest.approx(126.5 + 5.0)
    with pytest.raises(ContractError, match="weighs 3 baseline years, got 2"):
        terms.blend((1.0, 2.0))
    with pytest.raises(ContractError, match="give `national`"):
        terms.blend(history, regional=130.0)
