"""Designs of a study: what a grid lists, which fits they share, which settles, and mistakes."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.errors import StudyError
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_blocks import SharingConfig
from ssinfer.study.frames import BLOCKS
from ssinfer.study.plan import _contract

STUDY = (Path(__file__).parent / "designs.toml").read_text(encoding="utf-8")
FITTED = ("population", "spending", "comparison")
OF_BLOCK = {  # what the entries of a block say, each something else
    "population": lambda number: {"ages": [number, 120]},
    "spending": lambda number: {"include": ["hospital", f"care {number}"]},
    "comparison": lambda number: {"at_least": number},
    "threshold": lambda number: {"level": 0.95 - number / 100},
    "sharing": lambda number: {"contract": "kerngezond-vlissingen", "share": (1 + number) / 10},
}


def config_of(sizes, **more):
    """Return a study with some entries of each block, named by letters."""
    blocks = {
        block: [{"name": f"{block} {letter}", **OF_BLOCK[block](n)} for n, letter in enumerate("abcdefgh"[:size])]
        for block, size in zip(BLOCKS, sizes, strict=True)
    }
    study = {
        "title": "t",
        "question": "q",
        "data": {"source": "claims", "file": "claims", "periods": {"first": 2014, "last": 2017}},
        "case": {"treated": ["u"]},
        "windows": {"baseline": [2014, 2015], "performance": [2017]},
        "method": [{"method": "AdministrativeBenchmark"}],
    }
    return StudyConfig.model_validate(study | blocks | more)


@st.composite
def grids(draw):
    """Return sizes of the blocks, and rules that skip designs but never all."""
    sizes = [draw(st.integers(1, 3)) for _ in BLOCKS]
    names = [[f"{block} {letter}" for letter in "abc"[:size]] for block, size in zip(BLOCKS, sizes, strict=True)]
    skip = []
    for _ in range(draw(st.integers(0, 3))):
        chosen = draw(st.sets(st.integers(0, 4), min_size=1, max_size=3))
        rule = {BLOCKS[i]: draw(st.sampled_from(names[i])) for i in chosen}
        if any(not name.endswith("a") for name in rule.values()):
            skip.append(rule)
    return sizes, names, skip


@settings(max_examples=15, deadline=None)
@given(grids())
def test_a_grid_has_the_designs_and_fits_that_it_crosses(grid):
    sizes, names, skip = grid
    choices = [dict(zip(BLOCKS, choice, strict=True)) for choice in product(*names)]
    choices = [choice for choice in choices if not any(rule.items() <= choice.items() for rule in skip)]
    config = config_of(sizes, grid={"skip": skip})
    assert [design.names for design in config.designs] == choices
    assert len({design.name for design in config.designs}) == len(choices)
    fits = {tuple(choice[block] for block in FITTED) for choice in choices}
    assert len(config.fits) == len(fits)
    for design in config.designs:
        assert all(config.fits[design.fit].names[block] == design.names[block] for block in FITTED)
    assert config.settling[0] == config.designs[0].name
    assert not any(design.equal_to for design in config.designs)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_designs_has_no_meaning_for_fits(order):
    designs = [{"name": f"d{n}", "spending": f"spending {'aabb'[n]}", "masked": [[], [2016]][n % 2]} for n in range(4)]
    config = config_of((1, 2, 1, 1, 1), design=[designs[place] for place in order])
    assert {design.name: design.fit for design in config.designs} == {f"d{n}": f"d{n}" for n in range(4)}
    shared = [{"name": name, "threshold": f"threshold {name}"} for name in "ab"]
    for pair in (shared, shared[::-1]):
        assert {design.fit for design in config_of((1, 1, 1, 2, 1), design=pair).designs} == {"a"}


def change(tmp_path, *changes):
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return read_study(tmp_path / "study.toml")


SETTLES = ("settles = true\n\n[[design]]", "\n[[design]]")
# what is changed in designs.toml, and the words of the refusal
MISTAKES = {
    "names nothing": [('spending = "truncated"', 'spending = "truncatd"')],
    "names no method": [('spending = "truncated"', 'spending = "truncated"\nmethods = ["Synthetic"]')],
    "same name": [('name = "truncated"\nspending = "t', 'name = "all care"\nspending = "t')],
    "two settle": [('spending = "truncated"', 'spending = "truncated"\nsettles = true')],
    "sensitivity settles": [('insurers = ["A"]', 'insurers = ["A"]\nlast_year_of_life = false')],
    "grid names nothing": [("[[scenario]]", '[grid]\nspending = ["truncatd"]\n[[scenario]]')],
    "skip names nothing": [("[[scenario]]", '[grid]\nskip = [{ spending = "truncatd" }]\n[[scenario]]')],
    "skips all": [("[[scenario]]", '[grid]\nskip = [{ comparison = "others" }]\n[[scenario]]')],
    "grid settles nothing": [SETTLES, ("[[scenario]]", '[grid]\nsettles = { spending = "x" }\n[[scenario]]')],
    "scenario twice": [("dearest = 0.05", 'dearest = 0.05\ncategories = ["hospital"]')],
}
WORDS = {
    "names nothing": r"design 'truncated' names spending 'truncatd'\. Did you mean 'truncated'",
    "names no method": r"design 'truncated' names method 'Synthetic'\. .*'AdministrativeBenchmark'",
    "same name": r"designs \['all care'\] share a name; give each its own",
    "two settle": r"several designs settle: all care, truncated; mark one",
    "sensitivity settles": r"design 'all care' settles, but its population 'all ages' depends .* mark another design",
    "grid names nothing": r"grid: no spending 'truncatd' .* Did you mean 'truncated'",
    "skip names nothing": r"grid: no spending 'truncatd' is crossed\. Did you mean 'truncated'",
    "skips all": r"the grid skips every design\. Skip fewer",
    "grid settles nothing": r"grid: no spending 'x' is crossed",
    "scenario twice": r"falls on categories or on the dearest persons; keep one",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_what_is_allowed(tmp_path, mistake):
    with pytest.raises(StudyError, match=WORDS[mistake]):
        change(tmp_path, *MISTAKES[mistake])


def test_a_grid_of_more_than_500_designs_needs_a_word():
    with pytest.raises(ValueError, match="the grid has 512 designs; at most 500 without allow_many"):
        config_of((8, 8, 8, 1, 1), grid={})
    assert len(config_of((8, 8, 8, 1, 1), grid={"allow_many": True}).designs) == 512
    with pytest.raises(ValueError, match="the grid has 32,768 designs"):
        config_of((8, 8, 8, 8, 8), grid={})


def test_equal_designs_are_said_and_share_their_fits(tmp_path):
    config = change(tmp_path, ('name = "truncated, excess"', 'name = "the same"\nsharing = "first euro"'))
    same = next(design for design in config.designs if design.name == "the same")
    assert (same.equal_to, same.fit) == ("truncated", "the same")
    assert len(config.fits) == 3


@pytest.mark.parametrize("block", BLOCKS)
def test_equal_blocks_under_two_names_are_fitted_once(block):
    one = {"name": f"{block} a", **OF_BLOCK[block](0)}
    config = config_of((1,) * 5, **{block: [one, {**one, "name": f"{block} b", "label": "again"}]}, grid={})
    first, second = config.designs
    assert (second.equal_to, second.fit) == (first.name, first.fit)
    assert second.names[block] == f"{block} b"
    assert len(config.fits) == 1


def test_what_settles_is_stated_or_the_first(tmp_path):
    assert change(tmp_path).settling == ("all care", "AdministrativeBenchmark")
    assert change(tmp_path, SETTLES).settling == ("all care", "AdministrativeBenchmark")
    second = [SETTLES, ('spending = "truncated"', 'spending = "truncated"\nsettles = true')]
    assert change(tmp_path, *second).settling[0] == "truncated"
    sensitivity = ('insurers = ["A"]', 'insurers = ["A"]\nminimum_enrolment = 0.5')
    assert change(tmp_path, SETTLES, sensitivity).settling[0] == "pharmacy of the old"


def test_a_contract_that_cannot_settle_a_saving_is_refused_before_the_data_are_read():
    with pytest.raises(StudyError, match=r"sharing 'pgp': a saving cannot be settled\. Missing quality: .* Give `qual"):
        _contract(SharingConfig(name="pgp", contract="physician-group-practice"))
    assert _contract(SharingConfig(contract="physician-group-practice", quality=90.0))[1] == 0.8
