"""Rebasing: closed forms of exact data, the form of Medicare's rule by hand, and refusals."""

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.terms import RebasingTerms
from ssinfer.contracts.years import settle_groups
from ssinfer.errors import ContractError, SettlementError

YEARS = 8
GROWTH = 100 * 1.04 ** np.arange(-5, YEARS)  # the benchmark of the first baseline, from five years before


def rebased(savings, before=5, **rebasing):
    contract = Contract(name="c", rule_year=2024, rebasing=rebasing)
    spending = GROWTH * np.array([1.0] * 5 + [1 - saved for saved in savings])
    past, term = slice(5 - before, 5), slice(5, 5 + YEARS)
    history = {"baseline_benchmark": GROWTH[past], "baseline_spending": spending[past]}
    benchmark = ss.rebased_benchmarks(contract, benchmark=GROWTH[term], spending=spending[term], **history)
    return benchmark / GROWTH[term], spending[term] / GROWTH[term]


@pytest.mark.parametrize("b", [1, 2, 3, 5])
def test_a_rolling_baseline_pays_half_of_one_more_than_its_years(b):
    s = 0.03
    benchmark, spending = rebased([s] * YEARS, every=1, years=b)
    measured = benchmark - spending
    assert measured == pytest.approx([s * (1 - min(k, b) / b) for k in range(YEARS)])
    assert measured.sum() == pytest.approx(s * (b + 1) / 2)


@pytest.mark.parametrize("w", [1 / 3, 2 / 3])
def test_a_blend_takes_back_its_weight_of_what_a_rolling_baseline_takes(w):
    s = np.array([0.03, 0.06, 0.09, *[0.09] * 5])
    fixed, rolling, blend = (
        sum(np.subtract(*rebased(s, **terms))) for terms in ({"every": 0}, {"every": 1}, {"every": 1, "new_weight": w})
    )
    assert fixed == pytest.approx(s.sum())
    assert fixed - blend == pytest.approx(w * (fixed - rolling))


def test_agreement_periods_add_back_half_of_earlier_savings_or_the_region_if_more():
    # years 6 to 8 rest on years 3 to 5, which saved 4%: 96 + max(0.35 x 4, 0.5 x 4) = 98 of 100
    benchmark, _ = rebased([0.04] * YEARS, every=5, new_weight=0.65, prior_savings=0.5)
    assert benchmark == pytest.approx([1, 1, 1, 1, 1, 0.98, 0.98, 0.98])
    benchmark, _ = rebased([0.04] * YEARS, every=5, new_weight=0.4, prior_savings=0.5)
    assert benchmark[5:] == pytest.approx(0.96 + 0.6 * 0.04)
    # a loss: the region lowers a blend, and nothing lowers a rule that adds earlier savings back
    assert rebased([-0.04] * YEARS, every=5, new_weight=0.65)[0][5:] == pytest.approx(1.04 - 0.35 * 0.04)


def test_groups_are_settled_as_they_would_be_alone():
    rng = np.random.default_rng(1)
    terms = {"years": {"carry_over_losses": True, "stop_after": 2, "savings_cap_benchmark": 0.01}}
    contract = Contract(name="c", rule_year=2024, threshold={"kind": "fixed", "rate": 0.01}, **terms)
    spending, benchmark = 100 * (1 + 0.05 * rng.standard_normal((6, 40))), np.full((6, 40), 100.0)
    groups = settle_groups(contract, benchmark=benchmark, spending=spending, insured_years=np.full((6, 40), 9.0))
    for group in range(40):
        money = {"benchmark": [100.0] * 6, "spending": spending[:, group].tolist(), "insured_years": [9.0] * 6}
        alone = ss.settle_years(contract, **money)
        assert alone.payment == pytest.approx(groups.payment[group], abs=1e-9)
        assert (alone.stopped_after or 0) == groups.stopped_after[group]
        assert alone.carried_loss == pytest.approx(groups.carried_loss[group])
        assert alone.lines["insurer"] == groups.lines["insurer"][group]
    assert 0 < (groups.stopped_after > 0).sum() < 40


def test_caps_over_years_leave_what_was_not_used():
    terms = {"sharing": {"losses": 0.5}, "years": {"savings_cap_benchmark": 0.02, "losses_cap_benchmark": 0.01}}
    contract = Contract(name="c", rule_year=2024, **terms)
    # benchmark 1,000 per year: caps of 20 and 10 per year so far. 10 of 20; 30 of 50; 40 of 20 left; owed 40 of 40
    spending = [98.0, 90.0, 80.0, 120.0]
    years = ss.settle_years(contract, benchmark=[100] * 4, spending=spending, insured_years=[10] * 4)
    assert [settlement.payment for settlement in years.settlements] == [10.0, 30.0, 20.0, -40.0]
    assert years.lines == {"insurer": -20.0, "providers": 20.0}
    assert "limit" in years.settlements[2].reason or "cap" in years.settlements[2].reason


def test_years_in_the_wrong_order_and_a_term_longer_than_the_data_are_refused():
    money = {"benchmark": [100] * 3, "spending": [99] * 3, "insured_years": [10] * 3}
    contract = Contract(name="c", rule_year=2024)
    for calendar in ([2023, 2022, 2021], [2021, 2023, 2022], [2021, 2022], [2021, 2022, 2024]):
        with pytest.raises(SettlementError, match="calendar must name 3 years that follow each other"):
            ss.settle_years(contract, **money, calendar=calendar)
    assert ss.settle_years(contract, **money, calendar=[2021, 2022, 2023]).payment == 15.0
    with pytest.raises(SettlementError, match="rebases contract year 2 on the 3 years before year 2, but only 2 are"):
        rebased([0.0] * YEARS, before=1, every=1, years=3)
    with pytest.raises(SettlementError, match="as many benchmarks as spending"):
        ss.rebased_benchmarks(contract, benchmark=[100], spending=[99, 98])
    with pytest.raises(SettlementError, match="spending must be above 0"):
        ss.rebased_benchmarks(contract, benchmark=[100], spending=[0])
    with pytest.raises(ContractError, match=r"rebasing\.every must be a whole number of years"):
        Contract(name="c", rule_year=2024, rebasing={"every": -1})
    with pytest.raises(ContractError, match="losses_cap_benchmark caps losses, but the contract is one-sided"):
        Contract(name="c", rule_year=2024, years={"losses_cap_benchmark": 0.1})


def test_medicares_rules_of_rebasing_by_year():
    of = lambda name, year: ss.load_contract(name, year=year).rebasing  # noqa: E731
    assert of("mssp-track-1", 2015) == RebasingTerms(every=3)
    assert of("mssp-track-1", 2016) == RebasingTerms(every=3, prior_savings=0.5)
    assert of("mssp-track-1", 2017) == RebasingTerms(every=3, new_weight=0.65)
    assert of("mssp-basic-e", 2023) == RebasingTerms(every=5, new_weight=0.5)
    assert of("mssp-enhanced", 2024) == RebasingTerms(every=5, new_weight=0.5, prior_savings=0.5)
