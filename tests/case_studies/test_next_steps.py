"""The grid of next steps: every question is one design that differs from the settling one in one block."""

from pathlib import Path

from ssinfer.study.config import read_study
from ssinfer.study.plan import make_methods
from ssinfer.study.sharing import contract_of

STUDY = Path(__file__).parents[2] / "case_studies" / "kerngezond_vlissingen" / "next_steps.toml"
QUESTIONS = {  # of the programme, and sharing; two of the comparison are of places
    "population": {"low SES", "from 1 year", "without last year"},
    "spending": {"no mental health", "truncated", "no hospital", "no geriatric rehabilitation"},
    "comparison": {"near", "far", "corrected"},
    "threshold": {"90%", "power"},
    "sharing": {"half of excess", "half of all, losses", "half of excess, losses"},
}


def test_every_question_is_a_design_that_differs_from_the_settling_one_in_one_block():
    study = read_study(STUDY)
    make_methods(study)
    designs = {design.name: design.names for design in study.designs}
    settling, method = study.settling
    first = designs[settling]
    asked = {block: set() for block in QUESTIONS}
    for names in designs.values():
        differs = [block for block in QUESTIONS if names[block] != first[block]]
        if len(differs) == 1:
            asked[differs[0]].add(names[differs[0]])
    assert asked == QUESTIONS
    assert (first["threshold"], first["sharing"], method) == ("95%", "half of all", "administrative")
    assert [design.name for design in study.designs if design.sensitivity] == ["last year of life out"]


def test_sharing_is_four_different_rules():
    contracts = [contract_of(part)[0] for part in read_study(STUDY).sharing]
    rules = {(contract.threshold.sharing, contract.sharing.losses) for contract in contracts}
    assert rules == {("first_dollar", None), ("excess", None), ("first_dollar", 0.5), ("excess", 0.5)}
    assert {contract.sharing.savings for contract in contracts} == {0.5}
