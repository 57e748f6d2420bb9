"""A study on claims with a provisional run-out, and the lines of its contract group by joins in pandas."""

import numpy as np
import pandas as pd

STUDY = """
title = "provisional"
question = "what may still change?"
[data]
source = "claims"
file = "{file}"
periods = {{ first = "{first}Q1", last = "{year}Q4" }}
[case]
treated = ["contract"]
units = {{ contract = ["Vlissingen *"] }}
groups = {{ kind = "bundles" }}
[[population]]
insurers = ["A"]
[windows]
baseline = {{ first = "{baseline}Q1", last = "{before}Q4" }}
performance = {{ first = "{year}Q1", last = "{year}Q4" }}
[[spending]]
duplicates = "keep"
run_out = {{ extracted = {extracted}, months = {months}, provisional = true }}
[[comparison]]
name = "all"
[[threshold]]
kind = "confidence"
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
method = "AdministrativeBenchmark"
"""


def study(file, first, baseline, year, extracted, months):
    """Return the study of a contract year: first year of the data and of the baseline, and the day of extraction."""
    return STUDY.format(**locals(), before=year - 1)


def lines_of_contract(delivery, year, enrolment=None, tariff=None):
    """Return lines of a year of persons of insurer A in Vlissingen: person, quarter, category, cents, age paid.

    `enrolment` is the folder of another delivery of enrolment; `tariff` reprices lines of category paramedical.
    """
    claims = pd.read_parquet(delivery / "claims")
    spans = pd.read_parquet((enrolment or delivery) / "enrolment.parquet")
    spans = spans[spans["practice"].str.startswith("Vlissingen") & (spans["insurer"] == "A")]
    both = claims[pd.to_datetime(claims["date"]).dt.year == year].merge(spans, on="person")
    date, paid, start, end = (pd.to_datetime(both[name]) for name in ("date", "paid", "start", "end"))
    cents = (both["amount"].astype(float) * 100).round().astype("int64")
    if tariff is not None:
        at_tariff = np.floor(both["volume"].astype(float) * tariff * 100 + 0.5).astype("int64")
        cents = cents.where(both["category"] != "paramedical", at_tariff)
    lines = both[["person", "category"]].assign(quarter=date.dt.quarter, cents=cents)
    lines["age"] = paid.dt.year * 12 + paid.dt.month - (date.dt.year * 12 + 3 * date.dt.quarter)
    return lines[(date >= start) & ~(date > end)]
