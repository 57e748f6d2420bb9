"""Sharing rules: a contract with other terms is another contract, whose money is that of the terms in closed form."""

import pytest

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle
from ssinfer.errors import StudyError
from ssinfer.study.config_blocks import SharingConfig
from ssinfer.study.sharing import contract_of

VLISSINGEN = "kerngezond-vlissingen"


def paid(spending, threshold=0.02, contract=VLISSINGEN, **terms):
    """The payment on a benchmark of EUR 100 for 1,000 insured-years."""
    variant = contract_of(SharingConfig(contract=contract, **terms))[0]
    settlement = settle(variant, benchmark=100.0, spending=spending, insured_years=1000, threshold=threshold)
    return float(settlement.payment)


@pytest.mark.parametrize(
    ("spending", "terms", "payment"),
    [
        (95, {}, 0.5 * 5_000),  # half of all savings from the first euro
        (95, {"shared": "excess"}, 0.5 * (5_000 - 2_000)),  # half of what exceeds the threshold of 2%
        (98.5, {"shared": "first_dollar"}, 0),
        (95, {"share": 0.4}, 0.4 * 5_000),
        (95, {"caps": {"savings": 0.02}}, 0.02 * 100_000),
        (105, {}, 0),
        (105, {"losses": 0.3}, -0.3 * 5_000),
        (105, {"losses": 0.3, "caps": {"losses": 0.01}}, -0.01 * 100_000),
        (105, {"losses": 0.3, "shared": "excess"}, -0.3 * 3_000),
    ],
)
def test_a_variant_pays_what_its_terms_say(spending, terms, payment):
    assert paid(spending, **terms) == pytest.approx(payment)


def test_the_name_of_a_variant_says_what_differs_and_the_contract_itself_keeps_its_name():
    same, share = contract_of(SharingConfig(contract=VLISSINGEN, share=0.5, losses=0.0, shared="first_dollar"))
    assert (same, share) == (load_contract(VLISSINGEN), 0.5)
    other, share = contract_of(
        SharingConfig(contract=VLISSINGEN, share=0.4, losses=0.5, caps={"losses": 0.1}, shared="excess")
    )
    assert share == 0.4
    assert other.name == f"{VLISSINGEN} (losses_cap_benchmark 0.1, savings 0.4, losses 0.5, shared: excess)"


def test_a_two_sided_contract_without_losses_has_no_terms_for_losses():
    one_sided, share = contract_of(SharingConfig(contract="mssp-enhanced", losses=0.0))
    assert not one_sided.two_sided
    assert share == 0.75


@pytest.mark.parametrize(
    ("contract", "terms", "message"),
    [
        (
            VLISSINGEN,
            {"caps": {"losses": 0.1}},
            r"sharing .sharing.: .* sharing.losses_cap_benchmark .* Give sharing.losses",
        ),
        ("alternative-quality-contract", {"quality": 3.5, "share": 0.4}, "share is 0.4, .* pays 0.5 of savings. Leave"),
        (
            "alternative-quality-contract",
            {"quality": 3.5, "losses": 0.4},
            "depend on its quality score.* leave sharing.losses out",
        ),
    ],
)
def test_terms_that_contradict_the_contract_are_refused(contract, terms, message):
    with pytest.raises(StudyError, match=message):
        contract_of(SharingConfig(contract=contract, **terms))
