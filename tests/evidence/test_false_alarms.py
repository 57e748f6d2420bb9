"""False alarms of the checks of a fit, on data where the model holds, against their nominal rates."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import ssinfer as ss
from ssinfer.diagnostics import held_out_fit, placebo_in_time
from ssinfer.diagnostics.posterior import predictive_check
from ssinfer.errors import SsinferError
from ssinfer.study.evidence import baseline_check, conformal_limit

pytestmark = pytest.mark.evidence
UNITS, TREATED = 40, "u000"
DESIGN = ss.Design(treated=[TREATED], baseline=range(2015, 2021), performance=[2021])
METHODS = {
    "intercept": ss.SyntheticControl(intercept=True, n_draws=400),
    "plain": ss.SyntheticControl(n_draws=400),
    "did": ss.SyntheticDiD(n_draws=400),
    "administrative": ss.AdministrativeBenchmark(n_draws=400, history=0),
}


def relative_error(cf):
    return baseline_check(cf, np.nan).figure


def baseline_fit(method, panel, seed):
    """The check of a study, whose limit comes from its placebos."""
    donors = [unit for unit in panel.units if unit != TREATED]
    designs = [DESIGN.replace(treated=[unit], under_contract=[TREATED]) for unit in donors]
    fits = method.fit_many(panel, designs, [seed] * len(designs))
    limit = conformal_limit(pd.Series([relative_error(cf) for cf in fits if not isinstance(cf, SsinferError)]))
    return baseline_check(method.fit(panel, DESIGN, seed=seed), limit)


CHECKS = {
    "held-out fit": lambda method, panel, seed: held_out_fit(method, panel, DESIGN, seed=seed),
    "placebo in time": lambda method, panel, seed: placebo_in_time(method, panel, DESIGN, seed=seed),
    "baseline fit": baseline_fit,
}


@pytest.mark.parametrize("persistence", [0.0, 0.8])
@pytest.mark.parametrize("name", METHODS)
def test_five_percent_of_null_panels_fail(name, persistence, null_panel, evidence_share, capsys):
    """40 exchangeable units of unequal size, 10 years, a shock of 1.2% per year, no contract; nominal 5% per check.

    A check fails this test if its rate is above 5% by more than chance has in 1 of 1,000.
    """
    worlds = int(300 * evidence_share)
    checks = {"baseline fit": baseline_fit} if name == "administrative" else CHECKS
    for check, run in checks.items():
        panels = ((seed, null_panel(UNITS, 10, seed=seed, persistence=persistence)) for seed in range(worlds))
        statuses = [run(METHODS[name], panel, seed).status for seed, panel in panels]
        evaluated = [status for status in statuses if status != "NOT EVALUATED"]
        alarms = len(evaluated) - evaluated.count("PASS")
        n, rate = len(evaluated), alarms / len(evaluated)
        error = np.sqrt(max(rate * (1 - rate), 1e-4) / n)
        with capsys.disabled():
            print(f"\n{name}, persistence {persistence}, {check}: {100 * rate:.1f} ± {100 * error:.1f}% (n = {n})")  # noqa: T201
        assert binom.sf(alarms - 1, n, 0.05) > 0.001, (check, alarms, n)
        assert n > 0.8 * worlds


def test_the_posterior_predictive_check_fails_one_percent(null_panel, evidence_share, capsys):
    """A mixed predictive check with a limit of 1% is conservative: parameters have seen the data."""
    worlds, method = int(200 * evidence_share), ss.HierarchicalBenchmark(n_draws=400, nodes=512)
    statuses = []
    for seed in range(worlds):
        [check] = predictive_check(
            method.fit(
                null_panel(24, 7, seed=seed), DESIGN.replace(baseline=range(2012, 2018), performance=[2018]), seed=seed
            )
        )
        statuses.append(check.status)
    alarms = worlds - statuses.count("PASS")
    with capsys.disabled():
        print(f"\nposterior predictive: {alarms} of {worlds} at a nominal 1%")  # noqa: T201
    assert binom.sf(alarms - 1, worlds, 0.01) > 0.001
