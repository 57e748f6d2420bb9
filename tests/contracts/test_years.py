"""Several years: pooling, carry-over, the stop clause; each figure worked by hand."""

import pytest

from ssinfer.contracts.contract import Contract, load_contract
from ssinfer.contracts.years import settle_years
from ssinfer.errors import SettlementError


def contract(**terms):
    return Contract(**{"name": "example", "rule_year": 2024, **terms})


def test_pooled_years_weigh_by_insured_years():
    pooled = contract(years={"pool": 2}, threshold={"kind": "fixed", "rate": 0.02})
    # B = (100 x 100 + 200 x 300) / 400 = 175; E = (90 x 100 + 199 x 300) / 400 = 171.75; saved 1,300
    result = settle_years(pooled, benchmark=[100, 200], spending=[90, 199], insured_years=[100, 300])
    assert len(result.settlements) == 1
    assert float(result.settlements[0].rate) == pytest.approx(3.25 / 175)
    assert result.lines == {"insurer": 0.0, "providers": 0.0}  # 1.86% is below 2%
    each = settle_years(
        contract(threshold={"kind": "fixed", "rate": 0.02}),
        benchmark=[100, 200],
        spending=[90, 199],
        insured_years=[100, 300],
    )
    assert each.lines == {"insurer": -500.0, "providers": 500.0}


def test_losses_are_made_good_before_savings_are_shared():
    carrying = contract(years={"carry_over_losses": True})
    result = settle_years(carrying, benchmark=[100, 100, 100], spending=[110, 96, 80], insured_years=[10, 10, 10])
    # lost 100; 40 saved makes good 40; of 200 saved 60 makes good the rest, 140 is shared
    assert [settlement.payment for settlement in result.settlements] == [0.0, 0.0, 70.0]
    assert result.carried_loss == 0.0


def test_physician_group_practice_carries_only_what_exceeds_its_gate():
    pgp = load_contract("physician-group-practice", year=2009)
    result = settle_years(pgp, benchmark=[100, 100], spending=[103, 95], insured_years=[1_000, 1_000], quality=100.0)
    # lost 3%: 1% of 100,000 carried; saved 5%: 3,000 above the deductible less 1,000, at 80%
    assert [settlement.payment for settlement in result.settlements] == [0.0, 1_600.0]


def test_shared_losses_are_not_carried():
    both = contract(sharing={"savings": 0.5, "losses": 0.5}, years={"carry_over_losses": True})
    result = settle_years(both, benchmark=[100, 100], spending=[110, 90], insured_years=[10, 10])
    assert [settlement.payment for settlement in result.settlements] == [-50.0, 50.0]


def test_stop_clause():
    stopping = contract(years={"stop_after": 2}, threshold={"kind": "fixed", "rate": 0.02})
    result = settle_years(stopping, benchmark=[100] * 5, spending=[105, 90, 103, 104, 90], insured_years=[10] * 5)
    assert result.stopped_after == 4
    assert len(result.settlements) == 4
    assert settle_years(stopping, benchmark=[100], spending=[90], insured_years=[1]).stopped_after is None


def test_figures_that_differ_by_year():
    scaled = contract(quality={"kind": "scaled"})
    result = settle_years(
        scaled, benchmark=[100, 100], spending=[90, 90], insured_years=[10, 10], by_year={"quality": [100.0, 50.0]}
    )
    assert [settlement.payment for settlement in result.settlements] == [50.0, 25.0]


@pytest.mark.parametrize(
    ("terms", "given", "message"),
    [
        ({}, {"benchmark": [1, 2], "spending": [1], "insured_years": [1, 1]}, "one number per year"),
        ({}, {"benchmark": [], "spending": [], "insured_years": []}, "one number per year"),
        ({"years": {"pool": 2}}, {"benchmark": [1], "spending": [1], "insured_years": [1]}, "whole blocks of 2"),
    ],
)
def test_mistakes(terms, given, message):
    with pytest.raises(SettlementError, match=message):
        settle_years(contract(**terms), **given)


def test_pooled_years_take_no_figures_by_year():
    with pytest.raises(SettlementError, match="give quality once"):
        settle_years(
            contract(years={"pool": 2}, quality={"kind": "scaled"}),
            benchmark=[1, 1],
            spending=[1, 1],
            insured_years=[1, 1],
            by_year={"quality": [50.0, 60.0]},
        )
