"""Building blocks on public data: populations, definitions of spending and programmes, against direct sums."""

import numpy as np
import pandas as pd
import pytest

from ssinfer.datasets import load_vektis, national_vektis
from ssinfer.datasets.vektis.columns import care_types
from ssinfer.errors import SsinferError
from ssinfer.study.config import read_study
from ssinfer.study.plan import plan_study
from ssinfer.study.programme import one_scale

HEAD = 'title = "t"\nquestion = "q"\n'
TAIL = """
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 400, history = 0 }
[grid]
"""
PANEL = """
[data]
source = "panel"
file = "panel.csv"
all_spending = "all"
region = "province"
[case]
treated = ["u00"]
[windows]
baseline = [2014, 2015, 2016]
performance = [2017]
[[population]]
name = "everybody"
[[population]]
name = "north"
regions = ["north"]
at_least = 1100
[[spending]]
name = "all"
column = "all"
[[spending]]
name = "hospital"
column = "hospital"
[[scenario]]
name = "hospital"
categories = ["hospital"]
[[scenario]]
name = "evenly"
"""
VEKTIS = """
[data]
source = "vektis"
years = { first = 2021, last = 2022 }
[case]
treated = ["VLISSINGEN"]
placebos_at_most = 30
[windows]
baseline = [2021]
performance = [2022]
[[population]]
name = "everybody"
[[population]]
name = "women of 65 and over"
ages = [65, 120]
sexes = ["female"]
[[spending]]
name = "hospital and drugs"
include = ["MEDISCH_SPECIALISTISCHE_ZORG", "FARMACIE"]
[[scenario]]
name = "drugs"
categories = ["FARMACIE"]
"""


@pytest.fixture
def study(tmp_path):
    """Write a study beside a panel of 40 units in two provinces, and return its path."""
    rng, years = np.random.default_rng(1), range(2012, 2018)
    rows = [
        (f"u{unit:02d}", year, ("north", "south")[unit % 2], 1000.0 + 10 * unit) for unit in range(40) for year in years
    ]
    frame = pd.DataFrame(rows, columns=["unit", "period", "province", "insured_years"])
    frame["insured_years"] += 300 * (frame["unit"] == "u00")
    frame["hospital"] = rng.normal(1000, 20, len(frame)).round(2)
    frame["all"] = (frame["hospital"] + rng.normal(1500, 20, len(frame))).round(2)
    frame.to_csv(tmp_path / "panel.csv", index=False)

    def write(text):
        (tmp_path / "study.toml").write_text(HEAD + text + TAIL, encoding="utf-8")
        return tmp_path / "study.toml"

    return write


def test_columns_regions_and_sizes_of_a_panel_file(study):
    """Authority: the rows of the file; a saving in hospital care alone, of 2% of all spending."""
    path = study(PANEL)
    plan, frame = plan_study(path), pd.read_csv(path.with_name("panel.csv"))
    north = frame[(frame["province"] == "north") & (frame["insured_years"] >= 1100)]
    view = plan.data.view_of("north | hospital")
    assert set(view.panel.units) == set(north["unit"])
    assert np.allclose(view.panel.to_frame()["spending"], north["hospital"])
    assert plan.placebos_of("north | hospital") is None
    column = view.panel.columns([2017])
    last = north[north["period"] == 2017].set_index("unit")
    for name, share in (("hospital", last["all"] / last["hospital"]), ("all", 1.0)):
        fit = f"north | {name}"
        scale = one_scale(plan, plan.config.fits[fit], column, (0.02,))
        assert np.allclose(scale["all_spending"], last["all"] * last["insured_years"])
        assert np.allclose(scale["own_saving hospital 0.02"], 0.02 * share)
        assert np.allclose(scale["own_saving evenly 0.02"], 0.02)


@pytest.mark.usefixtures("data_dir")
def test_populations_and_baskets_of_vektis(study):
    """Authority: sums of the publisher's cells and national means; populations have the same placebos of the whole."""
    plan = plan_study(study(VEKTIS))
    first, second = plan.config.fits
    ages = {"ages": (65, 120), "sexes": ["female"]}
    drugs, hospital = (load_vektis([2021, 2022], basket, **ages) for basket in ("pharmacy", "hospital"))
    panel = plan.data.panel_of(second)
    assert np.allclose(panel.spending, drugs.spending + hospital.spending)
    assert set(plan.placebos_of(first)) == set(plan.placebos_of(second))
    assert plan.data.programme.whole.spending.mean() > plan.data.panel_of(first).spending.mean()
    scale = one_scale(plan, plan.config.fits[second], panel.columns([2022]), (0.01,))
    whole, all_drugs = plan.data.programme.whole, load_vektis([2021, 2022], "pharmacy")
    fraction = 0.01 * (whole.spending / all_drugs.spending)[whole.rows(panel.units), 1]
    assert np.allclose(scale["own_saving drugs 0.01"], fraction * (drugs.spending / panel.spending)[:, 1])
    (found,) = plan.data.findings
    assert (found.id, found.refuses) == ("basket_leaves_out", False)
    mean, left_out = national_vektis([2022])["spending"].iloc[0], dict(found.numbers["parts"])
    assert (found.numbers["name"], found.numbers["year"]) == ("hospital and drugs", 2022)
    assert found.numbers["all"] == pytest.approx(mean)
    counted = sum(national_vektis([2022], basket)["spending"].iloc[0] for basket in ("pharmacy", "hospital"))
    assert sum(left_out.values()) == pytest.approx(mean - counted)
    assert set(left_out) == {*care_types(2022)} - {"FARMACIE", "MEDISCH_SPECIALISTISCHE_ZORG"}
    assert [*left_out.values()] == sorted(left_out.values(), reverse=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'regions = ["north"]',
            'regions = ["south"]',
            "'north' is without the treated unit u00. Give wider ages, regions",
        ),
        ("at_least = 1100", "at_least = 1390", "without the treated unit u00"),
        ('regions = ["north"]', 'regions = ["nord"]', "no region 'nord'. Did you mean 'north'"),
        ('region = "province"\n', "", "no region 'north'.*The data have no regions. Leave regions out"),
        (
            'region = "province"\n',
            'region = "provinces"\n',
            r"data\.region \(line 8\): panel.csv has no column 'provinces'. Did you",
        ),
        (
            'column = "hospital"',
            'column = "hopital"',
            "column of spending 'hospital': panel.csv has no column 'hopital'",
        ),
        ('column = "hospital"', "", "column of spending 'hospital': panel.csv has no column ''. Allowed|Did you mean"),
        ('["hospital"]', '["drugs"]', r"scenario.categories \(line 28\): the data have no category 'drugs'"),
        ('categories = ["hospital"]', "dearest = 0.05", "scenario.dearest is for 'claims' or .*data.source is 'panel'"),
        (
            "at_least = 1100",
            "ages = [65, 120]",
            "population.ages is for 'vektis' or .*'panel', which reads .*at_least, spillover;",
        ),
        ('column = "hospital"', 'basket = "core"', "spending.basket is for 'vektis', but .* reads name, label, column"),
    ],
)
def test_refusals(study, old, new, message):
    with pytest.raises(SsinferError, match=message):
        plan_study(study(PANEL.replace(old, new, 1)))


def test_keys_of_public_data_are_refused_for_claims(study):
    text = '[data]\nsource = "claims"\nfile = "c"\nperiods = { first = 2019, last = 2022 }\n'
    text += PANEL[PANEL.index("[case]") : PANEL.index("regions")] + PANEL[PANEL.index("at_least") :]
    with pytest.raises(
        SsinferError, match=r"population\.at_least is for 'vektis' or 'panel', but data.source is 'claims'"
    ):
        read_study(study(text))
