"""The study of all families on one contract, read and validated; it runs for minutes, so not in the quick suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssinfer.comparison import EARTH_RADIUS_KM
from ssinfer.errors import StudyError
from ssinfer.plugins.discovery import make_method
from ssinfer.study.config import read_study
from ssinfer.study.plan import make_methods

STUDY = Path(__file__).parents[2] / "case_studies" / "kerngezond_vlissingen" / "all_families.toml"


def test_every_family_is_in_the_study():
    file = read_study(STUDY)
    make_methods(file)
    methods = [part.method for part in file.method]
    for family in (
        "AdministrativeBenchmark",
        "SyntheticControl",
        "HierarchicalBenchmark",
        "PropensityMatching",
        "RiskAdjustedBenchmark",
    ):
        assert family in methods


@pytest.mark.parametrize("name", ["study.toml", "all_families.toml"])
def test_both_studies_have_the_definition_of_the_programme(name):
    """Authority: issue 21, item 8."""
    file = read_study(STUDY.with_name(name))
    assert all(part.exclude == ["dental", "mental health"] and part.include is None for part in file.spending)
    assert [(part.kind, part.insurers) for part in file.population] == [("open", ["A"])]
    assert (file.data.periods.first, file.data.periods.last) == ("2018Q2", "2024Q2")
    designs = {design.name: design for design in file.designs}
    standards = {name: design.comparison.standard for name, design in designs.items()}
    assert standards == {name: None if name.startswith("a") else "expected_ses" for name in designs}
    assert [name for name, design in designs.items() if design.comparison.within_km] == ["c"]
    assert [name for name, design in designs.items() if design.spending.truncation] == ["d", "a, truncated"]
    spans = {name: [(s.first, s.last) for s in (d.baseline, d.masked)] for name, d in designs.items()}
    assert spans.pop("b, recent baseline") == [("2021Q2", "2022Q1"), ("2020Q2", "2021Q1")]
    own = [spans.pop(name) for name in sorted(spans) if name.startswith("b, all history")]
    assert own == (2 if name == "study.toml" else 0) * [[("2018Q2", "2022Q1"), ("2020Q1", "2021Q4")]]
    assert list(spans.values()) == 5 * [[("2018Q2", "2019Q1"), ("2020Q1", "2021Q4")]]


def test_balance_limits_are_fixed_in_the_file_and_an_unknown_one_is_refused_before_claims_are_simulated(tmp_path):
    file = read_study(STUDY)
    part = next(part for part in file.method if part.method == "PropensityMatching")
    method = make_method(part.method, part.parameters)
    assert method.balance_limits == {"smd": 0.1, "variance_ratio": 2.0, "equipoise": 0.2, "matched": 0.9}
    assert method.require_balance
    wrong = tmp_path / "study.toml"
    wrong.write_text(STUDY.read_text(encoding="utf-8").replace("limits = { smd", "limits = { sdm"), encoding="utf-8")
    with pytest.raises(StudyError, match=r"There is no balance limit 'sdm'.*'smd'"):
        make_methods(read_study(wrong))


def test_every_region_has_four_regions_of_groups_within_70_km_and_four_beyond():
    # 28 and 31 groups, of which a placebo in either half has 27 or more: it is asked what the case is asked.
    file = read_study(STUDY)
    places = {name: np.radians(place) for name, place in file.case.places.items()}
    regions = [name for name in places if name != "Vlissingen"]
    assert len(regions) == file.data.simulation.get("n_regions", 8)
    for here in (*regions, "Vlissingen"):
        lat, lon = places[here]
        near = 0
        for there in regions:
            half = np.sin((places[there][0] - lat) / 2) ** 2
            half += np.cos(lat) * np.cos(places[there][0]) * np.sin((places[there][1] - lon) / 2) ** 2
            near += 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)) <= 70  # its own region's groups are near too
        assert near == 4
