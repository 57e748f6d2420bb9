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


def test_every_family_is_in_the_study_with_local_and_regional_groups():
    file = read_study(STUDY)
    make_methods(file)
    methods = [part.method for part in file.method]
    for family in ("AdministrativeBenchmark", "SyntheticControl", "HierarchicalBenchmark", "PropensityMatching"):
        assert family in methods
    groups = {part.name: (part.within_km, part.beyond_km) for part in file.comparison}
    assert groups["local"] == (70, 0)
    assert groups["regional"] == (400, 70)


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
