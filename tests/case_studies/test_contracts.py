"""A case per shipped contract: the worked example to the cent, and how often it would have paid."""

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.contracts.contract import load_contract, shipped_contracts


@pytest.fixture(scope="module")
def study(case_study):
    return case_study("contracts/operating_characteristics.py")


@pytest.fixture(scope="module")
def z(study):
    return study.normal_quantiles(20_000)


def test_every_contract_has_a_case(study):
    assert sorted(case["contract"] for case in study.cases()) == list(shipped_contracts())


def test_every_case_says_where_its_figures_come_from(study):
    for case in study.cases():
        assert case["basis"] in {"published", "invented"}
        assert case["figures"]


@pytest.mark.parametrize("name", shipped_contracts())
def test_worked_example_to_the_cent(study, name):
    case = next(case for case in study.cases() if case["contract"] == name)
    result = study.worked_example(case)
    assert result.lines == case["lines"]
    if "saving" in case:
        assert float(result.saving) == pytest.approx(case["saving"], abs=0.01)


# the measured rate is N(true, k^2 / n + shock^2): P(pay) = Phi((true - T) / SE), by the normal distribution itself
@pytest.mark.parametrize("name", shipped_contracts())
def test_operating_characteristics_by_the_normal_distribution(study, z, name):
    case = next(case for case in study.cases() if case["contract"] == name)
    row = study.characteristics(case, z, k=case["k"], shock=case["shock"])
    se = np.sqrt(case["k"] ** 2 / case["size"] + case["shock"] ** 2)
    terms = load_contract(name, year=case.get("year"))
    assert row["paid_if_0"] == pytest.approx(norm.sf(row["gate"] / se), abs=1e-4)
    assert row["not_paid_if_3"] == pytest.approx(norm.cdf((row["gate"] - 0.03) / se), abs=1e-4)
    assert row["owed_if_0"] == pytest.approx(norm.sf(row["gate"] / se) if terms.two_sided else 0.0, abs=1e-4)
    assert row["overpaid_if_0"] > 0
    assert row["underpaid_if_3"] > 0


# docs/method/thresholds.md: at n = 20,000, k = 2.135 the schedule pays .049 at no saving; 10,000: .080
@pytest.mark.parametrize(
    ("size", "false", "power_at_3"), [(5_000, 0.098, 0.383), (10_000, 0.080, 0.500), (20_000, 0.049, 0.630)]
)
def test_the_schedule_at_medicares_k(study, z, size, false, power_at_3):
    case = {"contract": "mssp-basic-a", "size": size, "given": {"benchmark": 10_000.0}}
    row = study.characteristics(case, z, k=2.135, shock=0.0)
    assert round(row["paid_if_0"], 3) == false
    assert 1 - row["not_paid_if_3"] == pytest.approx(power_at_3, abs=6e-4)


# AQC shares both ways without a threshold, so that noise cancels: 50% x 3% x (3, 2, 4/3 x 2, 1) years of saving
def test_the_ratchet_table_in_small(case_study):
    study = case_study("contracts/ratchet.py")
    table = study.ratchet_table(3, ("alternative-quality-contract",), groups=4_000).set_index("rule")
    exact = {"fixed": 4.5, "rolling, 3 years": 3.0, "rolling, 1/3 new": 4.0, "rolling, 1 year": 1.5}
    for rule, value in exact.items():
        assert table["3 each year"][rule] == pytest.approx(value, abs=4 * table["error"][rule])
    assert study.markdown(table.reset_index()).count("\n") == 5
