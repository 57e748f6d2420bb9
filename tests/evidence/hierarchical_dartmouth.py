"""Placebos of US counties (Medicare, Dartmouth Atlas) under the hierarchical benchmark: accuracy, coverage, detection.

    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py    # the tables of docs/hierarchical.md
    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py default file.pkl 2   # from the third county on, kept
    SSINFER_DATA_DIR=... python hierarchical_dartmouth.py together file.pkl other.pkl

Folds: every third county (by FIPS code) of those with at least 1,000 persons observed in every year; age-sex-race
adjusted spending as paid, next year from all years since 2003; performance years 2007, 2009, 2011 and 2013; donors all
other counties. Persons observed are a 20% sample to 2009 and everybody from 2010: the noise of a mean falls by itself
through the insured-years. Blocks of the bootstrap are states. True saving: zero.
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
EVERY, LEAST = 3, 1_000
VARIANTS = {"default": {}, "one volatility": {"volatility": False}}


def panel_of(folder):
    """Return the panel of counties."""
    return ss.datasets.load_dartmouth(folder=Path(folder) / "dartmouth")


def placebo_fits(panel, variant="default", origins=ORIGINS, every=EVERY, first=0, **more):
    """Return the frame of placebo fits of a variant."""
    enough = panel.insured_years.min(axis=1) >= LEAST
    large = [unit for unit, is_enough in zip(panel.units, enough, strict=True) if is_enough]
    case, units = large[1], large[first::every]

    def design_at(origin):
        return ss.Design(treated=[case], baseline=range(2003, origin), performance=[origin])

    parameters = {**VARIANTS[variant], **more}
    return real_placebos.placebo_fits(panel, design_at, units, origins, block_of=lambda unit: unit[:2], **parameters)


def main(variant, keep=None, first=0):
    """Print accuracy, coverage, detection and cost."""
    panel = panel_of(os.environ["SSINFER_DATA_DIR"])
    frame, cost = real_placebos.timed(lambda: placebo_fits(panel, variant, first=int(first)))
    if keep:
        frame.to_pickle(keep)
    real_placebos.print_report(variant, frame, EDGES, cost)


if __name__ == "__main__":
    if sys.argv[1:2] == ["together"]:
        kept = pd.concat([pd.read_pickle(file) for file in sys.argv[2:]], ignore_index=True)  # noqa: S301  (our own)
        real_placebos.print_report("together", kept, EDGES, float("nan"))
    else:
        main(*(sys.argv[1:] or ["default"]))
