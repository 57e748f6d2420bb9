"""Payments and measures of placebos against closed forms of normal errors (method.md, section 2)."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.contracts.contract import Contract
from ssinfer.study.pair_outcome import _columns, payments

N, ERROR, BENCHMARK, YEARS, SHARE = 20_000, 0.02, 3000.0, 10_000.0, 0.5
THRESHOLD = norm.ppf(0.95) * ERROR
ALL_YEARS, ALL_SPENDING = 2 * YEARS, 2 * YEARS * 4000.0
CONTRACTS = {
    "none": None,
    "first euro": {"kind": "computed", "sharing": "first_dollar"},
    "excess": {"kind": "computed", "sharing": "excess"},
}


def columns_of(threshold, limits, own=0.03, losses=None):
    """Return the columns of placebos whose rates are the quantiles of a normal distribution."""
    rate = ERROR * norm.ppf((np.arange(N) + 0.5) / N)
    part = pd.DataFrame({"savings_rate": rate, "benchmark": BENCHMARK, "spending": BENCHMARK * (1 - rate)})
    part = part.assign(insured_years=YEARS, assigned=YEARS)
    scale = pd.DataFrame({"all_spending": np.full(N, ALL_SPENDING), "all_years": ALL_YEARS, "excess": 0.0})
    scale["own_saving evenly 0.02"] = own
    contract = None
    if threshold is not None:
        sharing = {"savings": SHARE} if losses is None else {"savings": SHARE, "losses": losses}
        contract = Contract(name="c", rule_year=2024, threshold=threshold, sharing=sharing)
    plan = SimpleNamespace(
        contract_of=lambda _: contract, share_of=lambda _: SHARE, scenarios=dict.fromkeys(["evenly"])
    )
    return _columns(plan, SimpleNamespace(sharing=None), part, scale, np.full(N, limits), (0.02,))


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_simulated_contract_pays_what_the_closed_form_says(name):
    found = columns_of(CONTRACTS[name], THRESHOLD).mean()
    money = BENCHMARK * YEARS / ALL_YEARS
    assert found["false_payment_rate"] == pytest.approx(0.05, abs=1e-4)
    kept = THRESHOLD if name == "excess" else 0.0
    for at, true in (("evenly 0", 0.0), ("evenly 0.02", 0.03)):
        spread = (1 - true) * ERROR  # of r + true (1 - r)
        passing = norm.sf((THRESHOLD - true) / spread)
        assert found[f"detection_rate {at}"] == pytest.approx(passing, abs=1e-4)
        paid = SHARE * ((true - kept) * passing + spread * norm.pdf((THRESHOLD - true) / spread)) * money
        assert found[f"paid {at}"] == pytest.approx(paid, rel=2e-3)
        always = SHARE * (true * norm.cdf(true / spread) + spread * norm.pdf(true / spread)) * money
        assert found[f"paid_without_threshold {at}"] == pytest.approx(always, rel=2e-3)
    assert found["insurer evenly 0.02"] == pytest.approx(0.02 * ALL_SPENDING / ALL_YEARS - found["paid evenly 0.02"])


def test_losses_are_shared_from_the_same_threshold():
    found = columns_of(CONTRACTS["first euro"], THRESHOLD, losses=SHARE)
    assert found["paid evenly 0"].mean() == pytest.approx(0.0, abs=1e-6)
    assert (found["paid evenly 0"] < 0).mean() == pytest.approx(0.05, abs=1e-4)


def test_shares_and_scales_are_of_all_spending():
    found = columns_of(None, THRESHOLD)
    of_all = BENCHMARK * YEARS / ALL_SPENDING
    assert found["share_of_persons"].mean() == 0.5
    assert found["share_of_spending"].mean() == pytest.approx(of_all)
    assert found["threshold_all"].mean() == pytest.approx(THRESHOLD * of_all)
    assert found["threshold_money"].mean() == pytest.approx(THRESHOLD * BENCHMARK / 2)
    np.testing.assert_allclose(found["deviation_money"], found["deviation"] * BENCHMARK / 2)
    due = SHARE * 0.02 * ALL_SPENDING / ALL_YEARS
    wrong = (found["paid evenly 0"] + (found["paid evenly 0.02"] - due).abs()) / 2
    np.testing.assert_allclose(found["misallocation"], wrong)


def test_a_saving_or_threshold_that_is_not_known_is_in_no_mean():
    assert (
        columns_of(None, THRESHOLD, own=np.nan)[["paid evenly 0.02", "detection_rate evenly 0.02"]]
        .isna()
        .all(axis=None)
    )
    without = columns_of(CONTRACTS["first euro"], np.nan)
    assert (
        without[["threshold_rate", "false_payment_rate", "paid evenly 0", "paid_without_threshold evenly 0"]]
        .isna()
        .all(axis=None)
    )
    never = columns_of(CONTRACTS["first euro"], np.inf)
    assert never["threshold_rate"].isna().all()
    assert (never["false_payment_rate"] == 0).all()
    assert (never["paid evenly 0.02"] == 0).all()


def test_a_group_below_the_contracts_size_is_not_settled_and_no_other_is_lost():
    contract = Contract(name="c", rule_year=2024, sharing={"savings": SHARE}, size={"minimum": int(2 * YEARS)})
    assert contract.size.below == "refuse"
    part = pd.DataFrame(
        {"benchmark": [BENCHMARK] * 2, "spending": 0.9 * BENCHMARK, "insured_years": [YEARS, 3 * YEARS]}
    )
    part["assigned"] = np.nan
    plan = SimpleNamespace(contract_of=lambda _: contract)
    paid = payments(plan, SimpleNamespace(sharing=None), part, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(paid, [np.nan, SHARE * 0.1 * BENCHMARK * 3 * YEARS])
