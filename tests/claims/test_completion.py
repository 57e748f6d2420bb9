"""Run-out and completion factors: against a worked example, and a truth that is known."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, RunOut, Spending, extract
from ssinfer.claims.completion import completion_factor
from ssinfer.errors import ClaimsError

# Authority: Mack (1993), table of Taylor and Ashe (cumulative claims, ten years); published factors of the chain ladder
# 3.4906, 1.7473, 1.4574, 1.1739, 1.1038, 1.0863, 1.0539, 1.0766, 1.0177.
TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]


def triangle():
    return pd.DataFrame([row + [np.nan] * (10 - len(row)) for row in TAYLOR_ASHE], dtype=float)


def test_chain_ladder_against_taylor_and_ashe():
    published = [3.4906, 1.7473, 1.4574, 1.1739, 1.1038, 1.0863, 1.0539, 1.0766, 1.0177]
    factors = [completion_factor(triangle(), month)[0] for month in range(10)]
    ratios = [earlier / later for earlier, later in itertools.pairwise(factors)]
    # The standard triangle differs in the last digits between printings: four digits of the first factors agree.
    assert ratios == pytest.approx(published, abs=6e-4)
    assert factors[0] == pytest.approx(np.prod(published), rel=2e-4)


def test_error_grows_with_immaturity_and_is_none_at_the_end():
    errors = [completion_factor(triangle(), month)[1] / completion_factor(triangle(), month)[0] for month in range(10)]
    assert errors[-1] == 0
    assert (np.diff(errors) < 0).all()


def test_a_triangle_that_cannot_be_read():
    with pytest.raises(ClaimsError, match="not 12"):
        completion_factor(triangle(), 12)
    hollow = triangle()
    hollow[1] = np.nan
    with pytest.raises(ClaimsError, match="No period has payments"):
        completion_factor(hollow, 0)


def of_one_person(rows):
    return ClaimsTables.from_frames(
        insured=pd.DataFrame({"person": [1], "birth_year": [1970], "sex": ["V"]}),
        enrolment=pd.DataFrame(
            {"person": [1], "insurer": ["A"], "practice": ["p"], "start": [dt.date(2018, 1, 1)], "end": [None]}
        ),
        claims=pd.DataFrame(rows),
    )


def test_run_out_is_equal_for_all_and_completion_restores_the_total():
    # 12 months, 100 lines of 10.00 each: 60 paid within the month, 30 a month later, 10 two months later.
    months = pd.period_range("2018-01", "2018-12", freq="M")
    rows = [
        {
            "person": 1,
            "date": month.start_time.date(),
            "category": "gp",
            "amount": 10.0,
            "paid": (month + lag).end_time.date(),
        }
        for month in months
        for lag, count in ((0, 60), (1, 30), (2, 10))
        for _ in range(count)
    ]
    tables = of_one_person(rows)
    periods = [f"2018-{month:02d}" for month in range(1, 12)]
    definition = Spending(run_out=RunOut(extracted=dt.date(2018, 12, 31), months=1, complete=True), duplicates="keep")
    result = extract(tables, None, definition, periods=periods)
    late = result.attrition[result.attrition["reason"] == "paid after the run-out"].iloc[0]
    assert late["lines"] == 10 * len(periods)
    assert result.completion["factor"][0] == pytest.approx(100 / 90)
    assert result.attrition.iloc[-1]["euros"] == pytest.approx(1000 * len(periods), abs=0.1)
    euros = result.panel.spending * result.panel.insured_years
    assert euros == pytest.approx(1000.0, abs=0.01)
    plain = Spending(run_out=RunOut(extracted=dt.date(2018, 12, 31), months=1), duplicates="keep")
    assert extract(tables, None, plain, periods=periods).attrition.iloc[-1]["euros"] == 900 * len(periods)
    # Lines of a product group that is left out, all paid at once, change no factor.
    at_once = [row | {"paid": row["date"], "product_group": "Z01"} for row in rows]
    tables = of_one_person([row | {"product_group": "A"} for row in rows] + at_once)
    without = replace(definition, product_groups_exclude=("Z",))
    assert extract(tables, None, without, periods=periods).completion["factor"][0] == pytest.approx(100 / 90)


def test_variances_of_the_link_ratios_are_macks():
    # Authority: Mack (1993), the same table: sigma_k^2 of the nine link ratios.
    published = [160_280, 37_737, 41_965, 15_183, 13_731, 8_186, 447, 1_147, 447]
    grid = triangle()
    values = grid.to_numpy()
    for month, expected in enumerate(published):
        (factor, error), (later, later_error) = (completion_factor(grid, start) for start in (month, month + 1))
        relative = (error / factor) ** 2 - (later_error / later) ** 2
        paid = values[np.isfinite(values[:, month + 1]), month].sum()
        # The triangle differs between printings in its last digits.
        assert relative * paid * (factor / later) ** 2 == pytest.approx(expected, rel=0.02), month


def test_both_arms_are_equally_mature():
    # The contract's practice is paid fast, the other slowly: of both, and of every period, what was paid in a month.
    months = [f"2018-{month:02d}" for month in range(1, 10)]
    rows = [
        {
            "person": person,
            "date": dt.date(2018, int(month[5:]), 10),
            "category": "gp",
            "amount": 10.0,
            "paid": (pd.Period(month, "M") + lag).end_time.date(),
        }
        for month in months
        for person, lags in ((1, (0, 1)), (2, (1, 3)))
        for lag in lags
    ]
    tables = ClaimsTables.from_frames(
        insured=pd.DataFrame({"person": [1, 2], "birth_year": [1970, 1970], "sex": ["V", "V"]}),
        enrolment=pd.DataFrame(
            {
                "person": [1, 2],
                "insurer": ["A", "A"],
                "practice": ["contract", "other"],
                "start": [dt.date(2018, 1, 1)] * 2,
                "end": [None, None],
            }
        ),
        claims=pd.DataFrame(rows),
    )
    definition = Spending(run_out=RunOut(extracted=dt.date(2018, 12, 31), months=1))
    panel = extract(tables, None, definition, periods=months).panel
    euros = panel.spending * panel.insured_years
    assert euros[panel.rows(["contract"])[0]] == pytest.approx(20.0)
    assert euros[panel.rows(["other"])[0]] == pytest.approx(
        10.0
    )  # also in January, whose late line was long since paid
