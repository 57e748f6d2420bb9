"""Placebos of US counties (Medicare, Dartmouth Atlas) under the hierarchical benchmark: accuracy, coverage, detection.

    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py    # the tables of docs/hierarchical.md
    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py default file.pkl 2   # from the third county on, saved
    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py together file.pkl other.pkl

Folds: every third county (by FIPS code) of those with at least 1,000 persons observed in every year. Spending is
adjusted for age, sex and race, as paid. The next year is predicted from all years since 2003; performance years are
2007, 2009, 2011 and 2013; donors are all other counties. Persons observed are a 20% sample up to 2009 and all persons
from 2010, so the insured-years and the noise of a mean change in 2010. Blocks of the bootstrap are states. The true
saving is zero.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import real_placebos

import ssinfer as ss

ORIGINS = (2007, 2009, 2011, 2013)
EDGES = (2_000, 5_000, 20_000)
EVERY, MIN_PERSONS = 3, 1_000
VARIANTS = {"default": {}, "one volatility": {"volatility": False}}


def panel_of(folder):
    """Return the panel of counties."""
    return ss.datasets.load_dartmouth(folder=Path(folder) / "dartmouth")


def placebo_fits(panel, variant="default", origins=ORIGINS, every=EVERY, first=0, **more):
    """Return the frame of placebo fits of a variant."""
    enough = panel.insured_years.min(axis=1) >= MIN_PERSONS
    large = [unit for unit, is_enough in zip(panel.units, enough, strict=True) if is_enough]
    case, units = large[1], large[first::every]

    def design_at(origin):
        return ss.Design(treated=[case], baseline=range(2003, origin), performance=[origin])

    parameters = {**VARIANTS[variant], **more}
    return real_placebos.placebo_fits(panel, design_at, units, origins, block_of=lambda unit: unit[:2], **parameters)


def main(variant, file=None, first=0):
    """Print accuracy, coverage, detection and cost."""
    panel = panel_of(os.environ["SSINFER_DATA_DIR"])
    frame, cost = real_placebos.timed(lambda: placebo_fits(panel, variant, first=int(first)))
    if file:
        frame.to_pickle(file)
    real_placebos.print_report(variant, frame, EDGES, cost)


if __name__ == "__main__":
    if sys.argv[1:2] == ["together"]:
        saved = pd.concat([pd.read_pickle(file) for file in sys.argv[2:]], ignore_index=True)  # noqa: S301  (our own)
        real_placebos.print_report("together", saved, EDGES, float("nan"))
    else:
        main(*(sys.argv[1:] or ["default"]))
