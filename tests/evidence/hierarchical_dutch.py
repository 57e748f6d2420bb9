"""Placebos of Dutch municipalities under the hierarchical benchmark: accuracy, coverage, detection.

`SSINFER_DATA_DIR=... python tests/evidence/hierarchical_dutch.py [name of a variant]` prints the tables of
docs/hierarchical.md. Folds: municipalities above 20,000 insured; spending on the core basket over expected spending for
age and sex. The next year is predicted from all years since 2011; performance years are 2016 to 2019 and 2022. The true
saving is zero.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import real_placebos

import ssinfer as ss
from ssinfer.comparison import SimilarSize

ORIGINS = (2016, 2017, 2018, 2019, 2022)
CASE = "VLISSINGEN"
EDGES = (20_000, 50_000, 100_000)
BREAKS = [{"covariate": "long_stay_share", "first": 2022}]  # long-stay mental health care lost its column
COVARIATES = ["expected", "share_65_plus", "latitude", "longitude", "long_stay_share"]
VARIANTS = {
    "default": ({}, None),
    "one volatility": ({"volatility": False}, None),
    "above 10,000 insured": ({}, SimilarSize(at_least=10_000)),
    "no unit trends": ({"trend": False}, None),
    "neighbours": ({"trend": False, "spatial": "distance"}, None),
    "break": ({"trend": False, "breaks": BREAKS}, None),
    "neighbours and break": ({"trend": False, "spatial": "distance", "breaks": BREAKS}, None),
}


def panel_of(folder):
    """Return the panel, with spending over expected spending for age and sex."""
    return ss.datasets.load_vektis(range(2011, 2023), "core", covariates=COVARIATES, folder=Path(folder) / "vektis")


def placebo_units(panel):
    """Return the municipalities above 20,000 insured in every year, without the case."""
    large = panel.insured_years.min(axis=1) >= 20_000
    return [unit for unit, is_large in zip(panel.units, large, strict=True) if is_large and unit != CASE]


def design_at(origin, **choice):
    """Return the design of a performance year."""
    return ss.Design(treated=[CASE], baseline=range(2011, origin), performance=[origin], standard="expected", **choice)


def placebo_fits(panel, variant="default", origins=ORIGINS, units=None, **more):
    """Return the frame of placebo fits of a variant."""
    parameters, donors = VARIANTS[variant]
    choice = {} if donors is None else {"donors": donors}
    return real_placebos.placebo_fits(
        panel,
        lambda origin: design_at(origin, **choice),
        placebo_units(panel) if units is None else units,
        origins,
        **{**parameters, **more},
    )


def main(variant, file=None, origins=ORIGINS):
    """Print accuracy, coverage, detection and cost."""
    panel = panel_of(os.environ["SSINFER_DATA_DIR"])
    frame, cost = real_placebos.timed(lambda: placebo_fits(panel, variant, origins))
    if file:
        frame.to_pickle(file)
    real_placebos.print_report(variant, frame, EDGES, cost)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default", sys.argv[2] if len(sys.argv) > 2 else None)
