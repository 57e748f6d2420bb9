"""Inputs of a settlement: the stated limits of amounts, and arguments of a wrong kind, each refused by name."""

import json
from datetime import date

import numpy as np
import pytest
import xarray as xr

import ssinfer as ss
from ssinfer.contracts.contract import Contract, load_contract
from ssinfer.contracts.text import settle_text
from ssinfer.errors import ParameterError, SettlementError

HALF = Contract(name="half", rule_year=2024, net={"deductions": ["costs"], "direct_savings": ["drugs"]})
TWO_SIDED = Contract(name="both", rule_year=2024, sharing={"savings": 0.5, "losses": 0.5})
MONEY = {"benchmark": 100.0, "spending": 95.0, "insured_years": 20_000.0}


@pytest.mark.parametrize(
    ("at", "beyond", "message"),
    [
        (
            {"benchmark": 1e7, "spending": 1e7 - 1, "insured_years": 1e8},
            {"benchmark": 1.01e7},
            "benchmark must be at most",
        ),
        (
            {"benchmark": 1e7 - 1, "spending": 1e7, "insured_years": 1e8},
            {"spending": 1.01e7},
            "spending must be at most",
        ),
        ({"insured_years": 1e9}, {"insured_years": 1.01e9}, "insured_years must be at most 1e"),
        ({"assigned": 1e9}, {"assigned": 1.01e9}, "assigned must be at most"),
        (
            {"benchmark": 1e7, "spending": 9e6, "insured_years": 1e8},
            {"insured_years": 1.01e8},
            "benchmark x insured_years must be at most",
        ),
        (
            {"benchmark": 9e6, "spending": 1e7, "insured_years": 1e8},
            {"insured_years": 1.01e8},
            "spending x insured_years must be at most",
        ),
        ({"spending": 1e-300}, {"spending": 0.0}, "spending must be above 0, got 0"),
        ({"spending": 0.01}, {"spending": -0.01}, "spending must be above 0, got -0.01"),
        ({"benchmark": 1e-300, "spending": 95.0}, {"benchmark": 0.0}, "benchmark must be above 0"),
        ({"true_saving": -1e7}, {"true_saving": -1.01e7}, "true_saving must be at most 1e"),
        ({"carried_loss": 1e15}, {"carried_loss": 1.01e15}, "carried_loss must be an amount"),
        ({"revenue": 1e15}, {"revenue": 1.01e15}, "revenue must be an amount"),
        ({"loss_relief": 1e15}, {"loss_relief": 1.01e15}, "loss_relief must be an amount"),
        ({"deductions": {"costs": 1e15}}, {"deductions": {"costs": 1.01e15}}, "deductions 'costs' must be an amount"),
        (
            {"direct_savings": {"drugs": 1.9e6}},
            {"direct_savings": {"drugs": 1.91e6}},
            "direct_savings exceed the spending of 1,900,000.00",
        ),
    ],
)
def test_each_limit_is_settled_and_one_beyond_is_refused(at, beyond, message):
    """Fault R36: at every limit the lines sum to zero to the cent, and no amount overflows."""
    for contract in (HALF, TWO_SIDED):
        if contract is HALF or not {"deductions", "direct_savings"}.intersection(at):
            result = ss.settle(contract, **{**MONEY, **at})
            assert sum(int(cents) for cents in result.cents.values()) == 0
            assert abs(result.payment) <= 0.5 * float(result.inputs.benchmark * result.inputs.insured_years) + 1e15
            json.dumps(result.to_dict(), allow_nan=False)
    with pytest.raises(SettlementError, match=message):
        ss.settle(HALF, **{**MONEY, **at, **beyond})


def test_the_largest_payment_is_right_to_the_cent():
    """Fault R36: 1e15 in total paid -92,233,720,368,547,760 where the saving was positive."""
    result = ss.settle(HALF, benchmark=1e7, spending=5e6, insured_years=1e8)
    assert result.cents == {"insurer": -(5 * 10**14 * 100) // 2, "providers": (5 * 10**14 * 100) // 2}
    with pytest.raises(SettlementError, match=r"benchmark must be at most 1e\+07, got 1e\+15"):
        settle_text("kerngezond-vlissingen", benchmark=1e15, spending=3_100, insured_years=20_000)
    with pytest.raises(SettlementError, match=r"spending must be at most 1e\+07, got 1e\+308"):
        settle_text("kerngezond-vlissingen", benchmark=100, spending=1e308, insured_years=20_000, as_json=True)
    with pytest.raises(SettlementError, match=r"benchmark must be at most 1e\+07"):
        ss.settle(HALF, benchmark=[1.7e308, 1.7e308], spending=95.0, insured_years=10, draw_axis=0)


WRONG = [
    "3400",
    "x",
    True,
    [],
    {},
    ...,
    1j,
    date(2024, 1, 1),
    np.timedelta64(3, "D"),
    ["1"],
    [[1], [1, 2]],
    10**400,
]


@pytest.mark.parametrize("name", ["benchmark", "spending", "insured_years", "quality", "true_saving", "threshold"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_wrong_kind_of_number_is_refused_by_name(name, wrong):
    """Fault R36: an argument of a wrong kind is refused by name, not by an error from the inside."""
    contract = load_contract("arts-en-zorg-menzis" if name == "threshold" else "kerngezond-vlissingen")
    with pytest.raises(SettlementError, match=f"^{name} must be"):
        ss.settle(contract, **{**MONEY, name: wrong})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standard_met": "false"}, "standard_met must be True or False, or an array of them, got 'false'"),
        ({"standard_met": float("nan")}, "standard_met must be True or False"),
        ({"low_revenue": [2]}, "low_revenue must be True or False"),
        ({"deductions": 5}, "deductions is 5; allowed: None or a mapping"),
        ({"deductions": {"costs": "5"}}, "deductions 'costs' must be a number"),
        ({"direct_savings": ["drugs"]}, "direct_savings is \\['drugs'\\]; allowed: None or a mapping"),
        ({"draw_axis": "x"}, "draw_axis is 'x'; allowed: None or a whole number"),
        ({"benchmark": xr.DataArray([100.0, np.nan], dims="draw")}, "benchmark must be finite"),
        ({"contract": "half"}, "contract is 'half'; allowed: a Contract, such as load_contract"),
    ],
)
def test_other_wrong_arguments_are_refused_by_name(change, message):
    """Fault R36: kinds of argument that Python itself would refuse later, or take."""
    with pytest.raises(SettlementError, match=message.replace("(", r"\(")):
        ss.settle(**{"contract": HALF, **MONEY, **change})


def test_calls_without_names():
    """Fault R36: a counterfactual in second place, and missing arguments."""
    with pytest.raises(
        ParameterError, match=r"settle: too many positional arguments. Give arguments by name. .*'benchm"
    ):
        ss.settle(HALF, xr.DataArray([1.0], dims="draw"))
    with pytest.raises(ParameterError, match="settle: missing a required argument: 'insured_years'"):
        ss.settle(HALF, benchmark=100, spending=95)
    with pytest.raises(ParameterError, match=r"settle_years: missing a required .*'benchmark'"):
        ss.settle_years(HALF)
    with pytest.raises(ParameterError, match=r"settle: there is no argument 'spendings'. .*Did you mean 'spending'"):
        ss.settle(HALF, **MONEY, spendings=5)
    for wrong, message in (
        ({"benchmark": 100}, "benchmark is 100; allowed: a list with a number each"),
        ({"by_year": 5}, "by_year is 5; allowed: None or a mapping"),
        ({"contract": 5}, "contract is 5; allowed: a Contract"),
        ({"spending": ["95"]}, "spending is .*; allowed: a list with a number each"),
        ({"spending": [[95]]}, "spending is .*; allowed: a list with a number each"),
        ({"insured_years": [0]}, "insured_years must be above 0, got 0"),
        ({"benchmark": [1.7e308]}, "benchmark must be (finite|at most)"),
        ({"carried_loss": 5}, "carried_loss is computed from the years before"),
        ({"assigned": [1, 2, 3]}, "give one number per year, not an array"),
    ):
        with pytest.raises(SettlementError, match=message):
            ss.settle_years(**{"contract": HALF, "benchmark": [100], "spending": [95], "insured_years": [10], **wrong})
    several = ss.settle(HALF, benchmark=[100, 100], spending=95, insured_years=10)
    for call in (several.to_dict, lambda: several.explain(5), lambda: several.explain("x")):
        with pytest.raises(SettlementError, match=r"There are 2 settlements|does not fit settlements"):
            call()
