"""Settlement against figures worked by hand, one test per mistake, and the properties of a contract's money."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ssinfer.contracts.arithmetic import Outcome
from ssinfer.contracts.contract import Contract, load_contract, shipped_contracts
from ssinfer.contracts.settle import settle
from ssinfer.errors import SettlementError
from ssinfer.thresholds.schedule import minimum_savings_rate


def contract(**terms):
    return Contract(**{"name": "example", "rule_year": 2024, **terms})


HALF = contract(sharing={"savings": 0.5})
GATED = contract(sharing={"savings": 0.5}, threshold={"kind": "fixed", "rate": 0.03})
TWO_SIDED = contract(
    sharing={"savings": 0.5, "losses": 0.5, "savings_cap_benchmark": 0.1, "losses_cap_benchmark": 0.1},
    threshold={"kind": "fixed", "rate": 0.02},
)


class TestShownByTheIssue:
    """EUR 100 / 95 / 20,000 (docs/method/contracts.md)."""

    def test_half_each(self):
        result = settle(load_contract("kerngezond-vlissingen"), benchmark=100.0, spending=95.0, insured_years=20_000)
        assert result.lines == {"insurer": -50_000.0, "providers": 50_000.0}
        assert result.shares == {"insurer": 50_000.0, "providers": 50_000.0}
        assert result.rate == pytest.approx(0.05)

    @pytest.mark.parametrize(("true", "over", "under"), [(2.0, 30_000.0, 0.0), (10.0, 0.0, 50_000.0), (5.0, 0.0, 0.0)])
    def test_against_the_true_saving(self, true, over, under):
        result = settle(HALF, benchmark=100.0, spending=95.0, insured_years=20_000, true_saving=true)
        assert (result.expected_overpayment, result.expected_underpayment) == pytest.approx((over, under))

    def test_kinzigtal_2013(self):
        people = 33_000
        result = settle(
            load_contract("gesundes-kinzigtal", year=2013),
            benchmark=75.5e6 / people,
            spending=70.0e6 / people,
            insured_years=people,
        )
        assert float(result.saving) == pytest.approx(5.5e6)
        # published as about EUR 170 each
        assert float(result.saving) / people == pytest.approx(170.0, abs=5.0)

    def test_reason_in_words(self):
        # 0.4 points below a minimum savings rate of 3.1% (9,000 assigned)
        result = settle(
            load_contract("mssp-basic-a"), benchmark=1_000.0, spending=973.0, insured_years=8_950.0, assigned=9_000
        )
        assert result.reason == "below the threshold of 3.1% by 0.4 points: nothing is paid."
        assert result.lines == {"Medicare": 0.0, "ACO": 0.0}


class TestThreshold:
    @pytest.mark.parametrize(("spending", "paid"), [(97.0, True), (97.001, False), (96.999, True)])
    def test_at_least(self, spending, paid):
        assert settle(GATED, benchmark=100.0, spending=spending, insured_years=1_000).paid is paid

    def test_exactly_the_threshold_is_paid_however_the_division_rounds(self):
        """Spending as printed, 97.9 for a saving of exactly 2.1%: fractions fall on either side of it."""
        mills = range(1, 200)
        spending = [float(f"{100 - mill / 10:.1f}") for mill in mills]
        assert any((100.0 - spent) / 100.0 < mill / 1000 for mill, spent in zip(mills, spending, strict=True))
        for mill, spent in zip(mills, spending, strict=True):
            terms = contract(threshold={"kind": "fixed", "rate": mill / 1000})
            assert settle(terms, benchmark=100.0, spending=spent, insured_years=1).paid
            assert not settle(terms, benchmark=100.0, spending=spent + 1e-6, insured_years=1).paid

    def test_excess_is_a_deductible(self):
        terms = contract(sharing={"savings": 0.8}, threshold={"kind": "fixed", "rate": 0.02, "sharing": "excess"})
        assert settle(terms, benchmark=100.0, spending=95.0, insured_years=1_000).payment == pytest.approx(2_400.0)

    # docs/method/thresholds.md: 7,500 assigned -> 3.2999%
    def test_schedule_by_head_count(self):
        result = settle(
            load_contract("mssp-basic-a"), benchmark=100.0, spending=96.0, insured_years=7_200, assigned=7_500
        )
        assert float(result.threshold) == pytest.approx(0.034 - 0.002 * 500 / 999)

    def test_schedule_arrays_equal_the_scalar_schedule(self):
        sizes = np.array([1, 499, 500, 777, 2_999, 3_000, 7_500, 19_999, 59_999, 60_000, 500_000], dtype=float)
        ones = np.ones(len(sizes))
        result = settle(load_contract("mssp-basic-a"), benchmark=100 * ones, spending=99 * ones, insured_years=sizes)
        assert result.threshold == pytest.approx([minimum_savings_rate(n) for n in sizes], abs=1e-15)

    def test_election(self):
        basic_e = load_contract("mssp-basic-e")
        money = {"benchmark": 100.0, "spending": 98.5, "insured_years": 20_000}
        assert not settle(basic_e, **money).paid
        assert settle(basic_e, threshold=0.015, **money).paid
        with pytest.raises(SettlementError, match=r"cannot elect a threshold of 0.012; allowed: 0, 0.005"):
            settle(basic_e, threshold=0.012, **money)

    def test_below_5000_the_schedule_applies_whatever_was_elected(self):
        result = settle(
            load_contract("mssp-basic-e"), benchmark=100.0, spending=98.0, insured_years=4_000, threshold=0.0
        )
        assert float(result.threshold) == pytest.approx(minimum_savings_rate(4_000))
        assert "applies below 5,000" in result.threshold_source

    def test_computed_threshold_is_given_or_follows_from_k_and_shock(self):
        menzis = load_contract("arts-en-zorg-menzis", year=2014)
        money = {"benchmark": 2_000.0, "spending": 1_940.0, "insured_years": 34_000}
        # z(0.95) sqrt(3.35^2 / 34,000 + 0.0125^2)
        assert float(settle(menzis, **money).threshold) == pytest.approx(
            1.6448536 * math.sqrt(3.35**2 / 34_000 + 0.0125**2)
        )
        assert not settle(menzis, **money).paid
        assert settle(menzis, threshold=0.02, **money).paid

    def test_a_threshold_object_is_its_rate(self):
        from ssinfer.thresholds.threshold import Threshold

        money = {"benchmark": 100.0, "spending": 96.0, "insured_years": 20_000}
        kerngezond = load_contract("kerngezond-vlissingen")
        assert settle(kerngezond, threshold=Threshold(rate=0.039, kind="confidence"), **money).paid
        assert not settle(kerngezond, threshold=Threshold(rate=0.041, kind="confidence"), **money).paid


class TestSharing:
    def test_half_rate_rule(self):
        # docs/method/contracts.md: low-revenue ACO, >= 5,000, below the MSR but below benchmark: half the rate
        money = {"benchmark": 100.0, "spending": 99.0, "insured_years": 10_000}
        assert settle(load_contract("mssp-basic-e", year=2024), low_revenue=True, **money).payment == 2_500.0
        assert settle(load_contract("mssp-basic-a", year=2024), low_revenue=True, **money).payment == 2_000.0
        assert settle(load_contract("mssp-basic-e", year=2024), **money).payment == 0.0
        assert settle(load_contract("mssp-basic-e", year=2023), low_revenue=True, **money).payment == 0.0
        assert (
            settle(load_contract("mssp-basic-e", year=2024), low_revenue=True, assigned=4_999, **money).payment == 0.0
        )

    @pytest.mark.parametrize(("level", "owed"), [("c", 100_000.0), ("d", 200_000.0), ("e", 300_000.0)])
    def test_loss_caps_by_benchmark(self, level, owed):
        # 10% lost of 10,000,000: 30% is 300,000; caps 1, 2 and 4% of the benchmark
        result = settle(load_contract(f"mssp-basic-{level}"), benchmark=1_000.0, spending=1_100.0, insured_years=10_000)
        assert result.payment == -owed

    def test_loss_cap_by_revenue_if_lower(self):
        money = {"benchmark": 1_000.0, "spending": 1_100.0, "insured_years": 10_000}
        assert settle(load_contract("mssp-basic-e"), revenue=1e6, **money).payment == -80_000.0
        assert settle(load_contract("mssp-basic-e"), revenue=1e9, **money).payment == -300_000.0

    @pytest.mark.parametrize(("score", "rate"), [(90.0, 0.40), (70.0, 0.475), (20.0, 0.75)])
    def test_enhanced_loss_rate(self, score, rate):
        # docs/method/contracts.md: 1 - 0.75 x quality score within 40-75%
        result = settle(
            load_contract("mssp-enhanced"), benchmark=100.0, spending=105.0, insured_years=20_000, quality=score
        )
        assert result.payment == pytest.approx(-rate * 100_000.0)

    def test_quality_scaled_full_and_alternative(self):
        money = {"benchmark": 100.0, "spending": 90.0, "insured_years": 10_000}
        assert settle(load_contract("mssp-track-1", year=2018), quality=80.0, **money).payment == 40_000.0
        assert settle(load_contract("mssp-basic-e", year=2022), quality=80.0, **money).payment == 50_000.0
        failed = {"standard_met": False, "quality": 80.0}
        assert settle(load_contract("mssp-basic-e", year=2022), **failed, **money).payment == 0.0
        assert settle(load_contract("mssp-basic-e", year=2023), **failed, **money).payment == 40_000.0

    @pytest.mark.parametrize(("score", "share"), [(0.2, 0.2), (1.9, 0.2), (2.0, 0.35), (4.99, 0.65), (5.0, 0.8)])
    def test_gate_table(self, score, share):
        terms = load_contract("alternative-quality-contract")
        money = {"benchmark": 100.0, "insured_years": 10_000, "quality": score}
        assert settle(terms, spending=99.0, **money).payment == pytest.approx(share * 10_000)
        assert settle(terms, spending=101.0, **money).payment == pytest.approx(-(1 - share) * 10_000)

    def test_gross_to_net(self):
        terms = load_contract("mijnzorg")
        money = {"benchmark": 100.0, "spending": 99.0, "insured_years": 10_000}
        net = settle(terms, deductions={"care costs": 4_000.0}, direct_savings={"pharmacy": 500.0}, **money)
        assert net.lines == {"insurer": -6_500.0, "insured": 2_166.67, "fund": 4_333.33}
        nothing = settle(terms, deductions={"care costs": 10_000.0}, **money)
        assert nothing.code == Outcome.NOTHING_LEFT_TO_SHARE
        assert settle(terms, benchmark=99.0, spending=100.0, insured_years=1_000).payment == 0.0

    def test_payment_reduction_and_relief(self):
        saved = settle(HALF, benchmark=100.0, spending=95.0, insured_years=20_000, payment_reduction=0.02)
        assert saved.payment == 49_000.0
        money = {"benchmark": 100.0, "spending": 105.0, "insured_years": 1_000}
        assert settle(TWO_SIDED, loss_relief=1_000.0, **money).payment == -1_500.0
        assert settle(TWO_SIDED, loss_relief=9_000.0, **money).payment == 0.0


class TestDraws:
    def test_payment_on_the_mean_and_expectations_over_the_draws(self):
        rng = np.random.default_rng(1)
        draws = rng.normal(100.0, 3.0, size=(2, 5_000))
        cf = xr.DataArray(draws, dims=("chain", "draw"))
        result = settle(GATED, benchmark=cf, spending=95.0, insured_years=20_000)
        measured = draws.mean() - 95.0
        paid = 0.5 * measured * 20_000
        due = 0.5 * np.maximum(draws - 95.0, 0.0) * 20_000
        assert result.payment == pytest.approx(paid, abs=0.01)
        assert result.expected_overpayment == pytest.approx(np.maximum(paid - due, 0).mean(), rel=1e-6)
        assert result.expected_underpayment == pytest.approx(np.maximum(due - paid, 0).mean(), rel=1e-6)
        assert result.probability_of_payment == pytest.approx(((draws - 95) / draws >= 0.03).mean())

    def test_draw_axis_gives_the_same(self):
        draws = np.random.default_rng(2).normal(100.0, 3.0, size=(4, 500, 3))
        labelled = xr.DataArray(draws, dims=("chain", "draw", "unit"))
        spending = np.array([95.0, 98.0, 101.0])
        a = settle(GATED, benchmark=labelled, spending=spending, insured_years=1_000)
        b = settle(GATED, benchmark=draws.reshape(-1, 3), spending=spending, insured_years=1_000, draw_axis=0)
        assert a.payment.shape == (3,)
        assert np.array_equal(a.payment, b.payment)
        assert np.array_equal(a.expected_overpayment, b.expected_overpayment)
        assert a.probability_of_payment == pytest.approx(((draws - spending) / draws >= 0.03).mean(axis=(0, 1)))

    def test_arrays_settle_each_element_and_average(self):
        spending = np.array([90.0, 98.0, 110.0])
        result = settle(GATED, benchmark=100.0, spending=spending, insured_years=1_000, true_saving=0.0)
        assert result.payment.tolist() == [5_000.0, 0.0, 0.0]
        assert result.probability_of_payment == pytest.approx(1 / 3)
        assert result.expected_overpayment == pytest.approx(5_000 / 3)
        assert "below the threshold of 3% by 1 points" in result.explain(1)[2]

    # method/thresholds.md: undeserved bonus f SE phi(T / SE), and f [SE phi(T/SE) - T (1 - Phi(T/SE))] for the excess
    @pytest.mark.parametrize("sharing", ["first_dollar", "excess"])
    def test_expected_undeserved_bonus_matches_the_formula(self, sharing):
        from scipy.stats import norm

        se, gate, size = 0.03, 0.039, 5_000
        terms = contract(threshold={"kind": "fixed", "rate": gate, "sharing": sharing})
        z = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
        result = settle(terms, benchmark=1_000.0, spending=1_000.0 * (1 + se * z), insured_years=size, true_saving=0.0)
        bonus = se * norm.pdf(gate / se) - (gate * norm.sf(gate / se) if sharing == "excess" else 0.0)
        assert result.expected_overpayment / (1_000.0 * size) == pytest.approx(0.5 * bonus, rel=1e-3)
        assert result.probability_of_payment == pytest.approx(norm.sf(gate / se), abs=1e-4)

    def test_over_and_underpayment_need_a_true_saving(self):
        result = settle(HALF, benchmark=100.0, spending=95.0, insured_years=1_000)
        with pytest.raises(SettlementError, match="true saving is not known"):
            _ = result.expected_overpayment


GOOD = {"benchmark": 100.0, "spending": 95.0, "insured_years": 20_000}


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"benchmark": 0.0}, "benchmark must be above 0, got 0"),
            ({"benchmark": -1.0}, "benchmark must be above 0, got -1"),
            ({"insured_years": 0}, "insured_years must be above 0"),
            ({"spending": float("nan")}, "spending must be finite"),
            ({"spending": "95 euro"}, "spending must be a number"),
            ({"spending": np.ones(3), "insured_years": np.ones(2)}, "Shapes differ: spending (3,), insured_years (2,)"),
            ({"currency": "USD"}, "Mixed currency: example is in EUR, the amounts in USD"),
            ({"threshold": 0.03}, "has a none threshold"),
            ({"deductions": {"care": 1.0}}, "no deductions named 'care'"),
            ({"carried_loss": -1.0}, "carried_loss must be an amount of 0 or more"),
            ({"payment_reduction": 2.0}, "payment_reduction must be a fraction"),
            ({"revenue": -1.0}, "revenue must be an amount of 0 or more"),
            ({"draw_axis": 2}, "draw_axis 2 is not an axis"),
        ],
    )
    def test_refused_by_name(self, change, message):
        with pytest.raises(SettlementError, match=message.replace("(", r"\(").replace(")", r"\)")):
            settle(HALF, **{**GOOD, **change})

    def test_missing_quality(self):
        with pytest.raises(SettlementError, match="Missing quality: mssp-track-1 sets the share of savings"):
            settle(load_contract("mssp-track-1", year=2018), **GOOD)
        with pytest.raises(SettlementError, match="Missing quality: mssp-enhanced sets the share of losses"):
            settle(load_contract("mssp-enhanced"), **{**GOOD, "spending": 105.0})

    def test_quality_on_the_wrong_scale_says_which(self):
        with pytest.raises(SettlementError, match=r"scores from 0 to 100, got 0.83.*multiply by 100"):
            settle(load_contract("mssp-track-1", year=2018), quality=0.83, **GOOD)
        unit = contract(quality={"kind": "scaled", "scale": 1})
        with pytest.raises(SettlementError, match=r"scores from 0 to 1, got 83.*divide by 100"):
            settle(unit, quality=83.0, **GOOD)
        with pytest.raises(SettlementError, match="scores from 0 to 5, got 83"):
            settle(load_contract("alternative-quality-contract"), quality=83.0, **GOOD)
        with pytest.raises(SettlementError, match="got -1"):
            settle(unit, quality=-1.0, **GOOD)

    def test_below_the_minimum_size(self):
        with pytest.raises(SettlementError, match="needs at least 5,000 assigned persons, got 4,000"):
            settle(load_contract("alternative-quality-contract"), **{**GOOD, "insured_years": 4_000}, quality=3.0)

    def test_computed_threshold_must_be_a_rate(self):
        kerngezond = load_contract("kerngezond-vlissingen")
        with pytest.raises(SettlementError, match=r"A 3.9% threshold is 0.039"):
            settle(kerngezond, threshold=3.9, **GOOD)
        with pytest.raises(SettlementError, match="has no schedule"):
            settle(kerngezond, threshold=math.nan, **GOOD)
        with pytest.raises(SettlementError, match="threshold has shape"):
            settle(kerngezond, threshold=np.array([0.01, 0.02]), **GOOD)

    def test_steps_of_many(self):
        result = settle(HALF, benchmark=100.0, spending=np.array([95.0, 96.0]), insured_years=10)
        with pytest.raises(SettlementError, match="There are 2 settlements"):
            _ = result.steps
        with pytest.raises(SettlementError, match="does not fit"):
            result.explain((0, 1))


def _quality(terms):
    if terms.quality.kind == "none":
        return None
    return 3.2 if terms.quality.kind == "gate_table" else 85.0


money = st.floats(1.0, 20_000.0)
names = st.sampled_from(shipped_contracts())


@settings(max_examples=40)
@given(name=names, benchmark=money, ratio=st.floats(0.3, 1.7), years=st.floats(5_000, 500_000))
def test_lines_sum_to_zero_to_the_cent(name, benchmark, ratio, years):
    terms = load_contract(name)
    result = settle(
        terms, benchmark=benchmark, spending=benchmark * ratio, insured_years=years, quality=_quality(terms)
    )
    assert sum(int(cents) for cents in result.cents.values()) == 0
    assert sum(round(100 * value) for value in result.lines.values()) == 0
    assert sum(result.shares.values()) == pytest.approx(
        float(result.saving), abs=0.02 + 1e-12 * abs(float(result.saving))
    )


@settings(max_examples=40)
@given(name=names, benchmark=money, a=st.floats(0.3, 1.7), b=st.floats(0.3, 1.7), low=st.booleans())
def test_payment_never_rises_with_spending(name, benchmark, a, b, low):
    terms = load_contract(name)
    less, more = sorted((a, b))
    paid = settle(
        terms,
        benchmark=benchmark,
        spending=benchmark * np.array([less, more]),
        insured_years=20_000,
        quality=_quality(terms),
        low_revenue=low,
    ).payment
    assert paid[0] >= paid[1]


@settings(max_examples=40)
@given(name=names, rate=st.floats(-0.5, 0.5), step=st.floats(1e-9, 1e-6), low=st.booleans())
def test_payment_is_continuous_except_at_the_threshold(name, rate, step, low):
    terms = load_contract(name)
    size, benchmark = 20_000, 1_000.0
    result = settle(
        terms,
        benchmark=benchmark,
        spending=benchmark * (1.0 - np.array([rate, rate + step])),
        insured_years=size,
        quality=_quality(terms),
        low_revenue=low,
    )
    gate = float(result.threshold[0])
    crosses = any(rate - 1e-9 <= edge <= rate + step + 1e-9 for edge in (gate, -gate))
    if not crosses or terms.threshold.sharing == "excess":
        assert abs(result.payment[1] - result.payment[0]) <= step * benchmark * size * 1.01 + 0.011


@settings(max_examples=40)
@given(
    rate=st.floats(0, 0.9),
    share=st.floats(0, 1),
    gate=st.floats(0, 0.2),
    cap=st.floats(0, 0.3),
    excess=st.sampled_from(["first_dollar", "excess"]),
)
def test_a_symmetric_two_sided_contract_pays_what_it_would_owe(rate, share, gate, cap, excess):
    terms = contract(
        sharing={
            "savings": share,
            "losses": share,
            "savings_cap_benchmark": cap,
            "losses_cap_benchmark": cap if share else None,
        },
        threshold={"kind": "fixed", "rate": gate, "sharing": excess},
    )
    result = settle(terms, benchmark=1_000.0, spending=1_000.0 * np.array([1 - rate, 1 + rate]), insured_years=10_000)
    # at the very edge of the gate 1 - rate and 1 + rate may round to different sides of it
    assume(abs(rate - gate) > 1e-11)
    assert result.payment[0] == pytest.approx(-result.payment[1], abs=0.011)


@settings(max_examples=40)
@given(name=names, ratio=st.floats(0.5, 1.5), unit=st.sampled_from([0.01, 0.1, 7.45, 100.0, 1_936.27]))
def test_the_unit_of_currency_does_not_matter(name, ratio, unit):
    terms = load_contract(name)
    given_money = {"insured_years": 30_000, "quality": _quality(terms)}
    single = settle(terms, benchmark=2_500.0, spending=2_500.0 * ratio, **given_money)
    converted = settle(terms, benchmark=2_500.0 * unit, spending=2_500.0 * ratio * unit, **given_money)
    assume(abs(abs(single.rate) - float(single.threshold)) > 1e-11)
    assert converted.code == single.code
    assert float(converted.raw) == pytest.approx(unit * float(single.raw), rel=1e-9, abs=1e-6)


@settings(max_examples=30)
@given(st.lists(st.tuples(money, st.floats(0.5, 1.5), st.floats(5_000, 1e5)), min_size=1, max_size=8), names)
def test_arrays_settle_as_numbers_do(rows, name):
    terms = load_contract(name)
    benchmark, ratio, years = map(np.array, zip(*rows, strict=True))
    many = settle(terms, benchmark=benchmark, spending=benchmark * ratio, insured_years=years, quality=_quality(terms))
    for i in range(len(rows)):
        single = settle(
            terms,
            benchmark=benchmark[i],
            spending=benchmark[i] * ratio[i],
            insured_years=years[i],
            quality=_quality(terms),
        )
        assert {party: cents[i] for party, cents in many.cents.items()} == single.cents
        assert many.explain(i)[-2:] == single.steps[-2:]


def test_to_frame_and_dict():
    result = settle(HALF, benchmark=100.0, spending=np.array([95.0, 105.0]), insured_years=100)
    frame = result.to_frame()
    assert frame.groupby("settlement")["payment"].sum().tolist() == [0.0, 0.0]
    assert frame.groupby("settlement")["share_of_saving"].sum().tolist() == [500.0, -500.0]
    single = settle(HALF, benchmark=100.0, spending=95.0, insured_years=100, true_saving=2.0).to_dict()
    assert single["lines"] == {"insurer": -250.0, "providers": 250.0}
    assert single["expected_overpayment"] == 150.0
