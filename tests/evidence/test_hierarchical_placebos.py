"""Authority: real placebos with a true saving of zero: Dutch municipalities and US counties, next year.

Coverage within 5 points of nominal at 50, 80, 90 and 95%, pooled; two block-bootstrap errors are allowed on top.
"""

# ruff: noqa: T201
from __future__ import annotations

import hierarchical_dartmouth as dartmouth
import hierarchical_dutch as dutch
import pytest
from real_placebos import good_rows, interval_table


def check_coverage(frame):
    good = good_rows(frame)
    pooled = interval_table(frame, ()).set_index("level")
    print(pooled.round(2).to_string(), f"\nSD {100 * good['savings_rate'].std():.2f}%, {len(good)} of {len(frame)}")
    assert len(good) > 0.98 * len(frame)
    for level, row in pooled.iterrows():
        assert abs(row["coverage"] - level) < 5 + 2 * row["error"]


@pytest.mark.evidence
def test_coverage_and_accuracy_on_dutch_municipalities(data_dir, evidence_share):
    panel = dutch.panel_of(data_dir)
    origins, units = (dutch.ORIGINS, None) if evidence_share == 1 else ((2018,), dutch.placebo_units(panel)[::2])
    frame = dutch.placebo_fits(panel, origins=origins, units=units)
    check_coverage(frame)
    # three equal baseline years give an SD of 2.19% on the same folds
    assert good_rows(frame)["savings_rate"].std() < 0.0219


@pytest.mark.evidence
def test_coverage_on_counties_whose_noise_falls_in_2010(data_dir, evidence_share):
    panel = dartmouth.panel_of(data_dir)
    origins, every = (dartmouth.ORIGINS, dartmouth.EVERY) if evidence_share == 1 else ((2011,), 12)
    check_coverage(dartmouth.placebo_fits(panel, origins=origins, every=every))
