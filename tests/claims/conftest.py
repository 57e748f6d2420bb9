"""Random small tables with every kind of dirt, and the same count written as plain Python over dates."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

FIRST, LAST = dt.date(2018, 4, 1), dt.date(2019, 12, 31)
CATEGORIES = ["hospital", "pharmacy", "mental health", "fee"]


def make_tables(seed, n_persons=12, n_claims=120):
    """Frames with overlaps, gaps, strangers, deaths, births, early and late claims, corrections, repeats."""
    rng = np.random.default_rng(seed)

    def day(low="2017-10-01", high="2020-03-31"):
        low, high = (dt.date.fromisoformat(text) for text in (low, high))
        return low + dt.timedelta(days=int(rng.integers(0, (high - low).days + 1)))

    insured = pd.DataFrame(
        {
            "person": np.arange(n_persons),
            "birth_year": rng.choice([1930, 1955, 1980, 2018, 2019], n_persons),
            "sex": rng.choice(["M", "V"], n_persons),
            "ses": rng.choice(["low", "middle", None], n_persons),
            "region": rng.choice(["north", "south"], n_persons),
        }
    )
    spans = []
    for person in range(n_persons + 2):  # the last two are in no table of insured
        for _ in range(int(rng.integers(0, 4))):
            start, end = sorted((day(), day()))
            spans.append(
                {
                    "person": person,
                    "insurer": rng.choice(["A", "B"]),
                    "practice": rng.choice(["p1", "p2", "p3"]),
                    "start": start,
                    "end": None if rng.random() < 0.2 else end,
                }
            )
    spans.append({"person": 0, "insurer": "A", "practice": "p1", "start": FIRST, "end": None})
    dead = rng.choice(n_persons, 2, replace=False)
    deaths = pd.DataFrame({"person": dead, "date": [day("2018-06-01", "2019-12-31") for _ in dead]})
    claims = pd.DataFrame(
        {
            "person": rng.integers(0, n_persons + 4, n_claims).astype(object),
            "date": [day() for _ in range(n_claims)],
            "category": rng.choice(CATEGORIES, n_claims),
            "product_group": rng.choice(["", "L04AB", "A10"], n_claims),
            "amount": np.round(rng.normal(50, 200, n_claims), 2),
            "volume": rng.integers(1, 5, n_claims),
        }
    )
    claims["paid"] = [date + dt.timedelta(days=int(rng.integers(0, 200))) for date in claims["date"]]
    claims.loc[0, "person"] = None
    claims.loc[1, "date"] = None
    claims["person"] = claims["person"].astype("Int64")
    # One counted line for certain.
    claims.loc[2, ["person", "date", "category", "product_group"]] = [0, dt.date(2019, 12, 30), "hospital", ""]
    claims = pd.concat([claims, claims.iloc[[2, 5]]], ignore_index=True)
    insured.loc[0, "birth_year"] = 1955
    deaths = deaths[deaths["person"] != 0]
    return {"insured": insured, "enrolment": pd.DataFrame(spans), "deaths": deaths, "claims": claims}


def _quarter(date):
    return f"{date.year}Q{(date.month + 2) // 3}"


def count_by_hand(frames, *, insurers, left_out, prefix):
    """Return cents and days per (practice, quarter) of an open population, one person and one day at a time."""
    cents, days = {}, {}
    insured = frames["insured"].set_index("person")
    death = frames["deaths"].set_index("person")["date"]
    claims = frames["claims"].dropna(subset=["person", "date"])
    for person in insured.index:
        born = dt.date(int(insured.loc[person, "birth_year"]), 1, 1)
        spans = frames["enrolment"][frames["enrolment"]["person"] == person].copy()
        spans["lo"] = [max(start, FIRST, born) for start in spans["start"]]
        spans["hi"] = [min(LAST if pd.isna(end) else end, LAST, death.get(person, LAST)) for end in spans["end"]]
        spans = spans[spans["hi"] >= spans["lo"]]
        spans["length"] = [-(hi - lo).days for lo, hi in zip(spans["lo"], spans["hi"], strict=True)]
        spans = spans.sort_values(["lo", "length", "practice", "insurer"])
        where = {}
        for span in spans.itertuples():
            for number in range((span.hi - span.lo).days + 1):
                where.setdefault(span.lo + dt.timedelta(days=number), (span.practice, span.insurer))
        for date, (practice, insurer) in where.items():
            if insurer in insurers:
                key = practice, _quarter(date)
                days[key] = days.get(key, 0) + 1
        for line in claims[claims["person"] == person].itertuples():
            if line.date not in where or where[line.date][1] not in insurers:
                continue
            if line.category in left_out or line.product_group.startswith(prefix):
                continue
            key = where[line.date][0], _quarter(line.date)
            cents[key] = cents.get(key, 0) + round(line.amount * 100)
    return cents, days


@pytest.fixture(scope="session")
def random_tables():
    return make_tables


@pytest.fixture(scope="session")
def by_hand():
    return count_by_hand
