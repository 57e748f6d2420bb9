"""A small study on a simulated panel, for tests of what follows from its placebos and of the judgement of its case."""

from functools import cache

import pytest

from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run, run_study

SMALL = """
title = "a study"
question = "which verdict?"
currency = "{currency}"
seed = 5
suppress_below = {limit}
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["treated"]
{case}
[windows]
baseline = {{ first = 2014, last = 2016 }}
performance = [2017]
[backtest]
levels = [0.90]
injected = [0.0, 0.03]
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
name = "equal"
parameters = {{ n_draws = 400, history = 0 }}
{blocks}
"""


@pytest.fixture(scope="module", autouse=True)
def _few_replicates(few_replicates):
    """Draw few replicates in every module: a test that judges a standard error draws its own."""


@pytest.fixture(scope="session")
def small_plan(tmp_path_factory):
    """Return a function that plans a study of 24 units and six years; the case saved the fraction `saved`."""
    folder = tmp_path_factory.mktemp("small")
    simulated = simulate_panel(24, tuple(range(2012, 2018)), start=2017, saving=0.0, seed=4, covid=False)
    world = simulated.panel.to_frame().drop(columns="sampling_variance")

    def plan_of(blocks="", saved=0.0, *, limit=10, currency="EUR", case=""):
        frame = world.copy()
        frame.loc[(frame["unit"] == "treated") & (frame["period"] == 2017), "spending"] *= 1 - saved
        frame.to_csv(folder / "panel.csv", index=False)
        text = SMALL.format(currency=currency, limit=limit, case=case, blocks=blocks)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        return plan_study(folder / "study.toml")

    return plan_of


@pytest.fixture(scope="session")
def small_study(small_plan):
    """Return a function that runs a small study; one backtest serves all that differ in threshold and sharing."""
    backtest, known = run.backtest, {}

    def run_once(data, designs, *args, **kwargs):
        key = tuple(designs), tuple(kwargs["levels"]), str(kwargs["placebos"])
        if key not in known:
            known[key] = backtest(data, designs, *args, **kwargs)
        return known[key]

    @cache
    def study_of(*args, **kwargs):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "backtest", run_once)
            return run_study(small_plan(*args, **kwargs), n_jobs=1)

    return study_of
