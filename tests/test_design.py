"""Design: refused where it contradicts itself or the panel, frozen, and able to travel between processes."""

import pickle

import numpy as np
import pandas as pd
import pytest

from ssinfer.comparison import SimilarSize
from ssinfer.design import Design
from ssinfer.errors import DesignError
from ssinfer.panel import Panel


@pytest.fixture
def panel():
    return Panel(("VLISSINGEN", "VEERE", "MIDDELBURG"), (2014, 2015, 2016, 2017), np.full((3, 4), 100.0))


GOOD = {"treated": ["VLISSINGEN"], "baseline": [2014, 2015, 2016], "performance": [2017]}


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"baseline": [2015, 2016, 2017]}, r"overlap in \[2017\].*End the baseline before the contract starts"),
        ({"baseline": [2016, 2018]}, "End the baseline before the contract starts"),
        ({"treated": []}, "treated is empty. Name at least one"),
        ({"baseline": []}, "baseline is empty"),
        ({"performance": [2017, 2017]}, "names something twice"),
        ({"donors": []}, r"Pass Design\(donors=None\) for all other units"),
        ({"donors": ["VLISSINGEN"]}, "Leave them out of donors"),
        ({"donors": ["VEERE"], "under_contract": ["VEERE"]}, "under another contract. Leave them out"),
        ({"incomplete": "ignore"}, "allowed: 'refuse' or 'drop'"),
        ({"starts": {"VEERE": 2017}}, "unit that is not treated"),
        ({"starts": {"VLISSINGEN": 2016}}, "outside performance"),
        ({"starts": ["VLISSINGEN"]}, "allowed: None or a mapping, such as"),
        ({"masked": "2016"}, r"masked is .2016.; allowed: a list, such as"),
    ],
)
def test_each_contradiction_is_told_its_cure(change, cure):
    with pytest.raises(DesignError, match=cure):
        Design(**{**GOOD, **change})


def test_treated_unit_not_in_the_panel_names_the_nearest(panel):
    with pytest.raises(DesignError, match="Did you mean 'VLISSINGEN'"):
        Design(**{**GOOD, "treated": ["VLISINGEN"]}).donor_rows(panel)


def test_unknown_donor_names_the_nearest(panel):
    with pytest.raises(DesignError, match="Did you mean 'VEERE'"):
        Design(**GOOD, donors=["VERE"]).donor_rows(panel)


def test_no_donors_left(panel):
    with pytest.raises(DesignError, match=r"No donors are left for VLISSINGEN.*Widen the comparison group"):
        Design(**GOOD, under_contract=["VEERE", "MIDDELBURG"]).donor_rows(panel)


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({}, [1, 2]),
        ({"donors": ["MIDDELBURG"]}, [2]),
        ({"under_contract": ["VEERE"]}, [2]),
        ({"treated": ["VLISSINGEN", "VEERE"]}, [2]),
    ],
)
def test_donors_are_the_other_units(panel, change, rows):
    assert Design(**{**GOOD, **change}).donor_rows(panel).tolist() == rows


def test_one_name_is_not_a_list_of_letters():
    assert Design(treated="VEERE", baseline=[1], performance=[2], donors="VLISSINGEN").donors == ("VLISSINGEN",)


def test_frozen_and_replaced_only_through_validation():
    design = Design(**GOOD)
    with pytest.raises(AttributeError):
        design.treated = ("VEERE",)
    with pytest.raises(DesignError, match="overlap"):
        design.replace(performance=[2016])
    assert design.replace(masked=[2015]).masked == (2015,)


def test_travels_between_processes():
    design = Design(**GOOD, donors=SimilarSize(ratio=2.0), starts={"VLISSINGEN": 2017}, masked=[2015])
    again = pickle.loads(pickle.dumps(design))  # noqa: S301  (our own bytes)
    assert again.to_dict() == design.to_dict()
    assert again.donors == SimilarSize(ratio=2.0)


def test_fingerprint_tells_designs_apart():
    prints = {Design(**{**GOOD, **change}).fingerprint() for change in ({}, {"masked": [2015]}, {"donors": ["VEERE"]})}
    assert len(prints) == 3


def test_periods_are_put_in_the_order_of_time():
    # out of order, the later performance year would count as baseline and lose its seal
    design = Design(treated=["a"], baseline=[2016, 2015], performance=[2018, 2017])
    assert design.baseline == (2015, 2016)
    assert design.performance == (2017, 2018)


def test_baseline_may_not_reach_into_the_contract():
    with pytest.raises(DesignError, match="after performance begins"):
        Design(treated=["a"], baseline=[2015, 2018], performance=[2017, 2019])


def test_numpy_periods_are_the_same_design():
    one = Design(treated=["a"], baseline=np.arange(2014, 2017), performance=np.array([2017]), masked=np.array([2015]))
    assert one.fingerprint() == Design(["a"], range(2014, 2017), [2017], masked=[2015]).fingerprint()


@pytest.mark.parametrize(("periods", "cure"), [("2017", r"allowed: a list, such as"), ([2017, "2018"], "Use one type")])
def test_periods_of_the_wrong_kind(periods, cure):
    with pytest.raises(DesignError, match=cure):
        Design(treated=["a"], baseline=[2016], performance=periods)


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"baseline": 2015}, "baseline is 2015; allowed: a list, such as"),
        ({"treated": None}, "treated is None; allowed: a text or a list, such as"),
    ],
)
def test_arguments_of_the_wrong_kind(change, cure):
    with pytest.raises(DesignError, match=cure):
        Design(**{**GOOD, **change})


def test_starts_may_be_a_series_and_one_name_is_a_list_of_one():
    """Fault C6: what ``groupby(...).min()`` gives is read like a dict."""
    design = Design(**{**GOOD, "starts": pd.Series({"VLISSINGEN": 2017}), "under_contract": "VEERE"})
    assert design.to_dict() == Design(**{**GOOD, "starts": {"VLISSINGEN": 2017}, "under_contract": ["VEERE"]}).to_dict()
