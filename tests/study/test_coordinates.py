"""Places of regions in a study of claims: coordinates of every person, for local and regional comparison groups."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_matching import REGIONS, simulate_matching

from ssinfer.comparison import Within
from ssinfer.design import Design
from ssinfer.errors import StudyError
from ssinfer.study.claims_data import coordinates

PLACES = {name: (51.0 + 0.5 * place, 4.0) for place, name in enumerate(REGIONS)}  # half a degree: 55.6 km apart


def test_every_person_lies_where_the_region_lies_and_distances_choose_the_groups():
    cohort = simulate_matching(100, n_treated=2, n_practices=34, seed=1).cohort
    covariates = coordinates(PLACES, cohort)
    assert covariates["latitude"].tolist() == [PLACES[region][0] for region in cohort.region]
    panel = type(cohort)(
        cohort.person,
        cohort.unit,
        cohort.periods,
        cohort.spending,
        cohort.insured_years,
        cohort.region,
        {**cohort.covariates, **covariates},
    ).to_panel()
    local = Design(["p0000"], baseline=[2018], performance=[2019], donors=Within(70))
    regional = Design(["p0000"], baseline=[2018], performance=[2019], donors=Within(1000, beyond=70))
    near, far = ({panel.units[row] for row in design.donor_rows(panel)} for design in (local, regional))
    region = dict(zip(cohort.unit, cohort.region, strict=True))
    assert {region[unit] for unit in near} == {"north", "east"}
    assert near | far == set(panel.units) - {"p0000"}
    assert not near & far
    assert np.isfinite(panel.covariate("latitude")).all()


def test_no_places_no_coordinates_and_an_unknown_region_is_named():
    cohort = simulate_matching(100, n_treated=2, n_practices=34, seed=1).cohort
    assert coordinates({}, cohort) == {}
    with pytest.raises(StudyError, match=r"no region 'north'.*'nort'"):
        coordinates({**{k: v for k, v in PLACES.items() if k != "north"}, "nort": (51.0, 4.0)}, cohort)
