"""Constructor parameters: totals of draws, old names, and one error for every impossible value."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

import ssinfer as ss
from ssinfer.errors import ParameterError
from ssinfer.plugins.discovery import make_method

METHODS = (ss.AdministrativeBenchmark, ss.HierarchicalBenchmark)
DESIGN = ss.Design(treated=["u00"], baseline=range(4), performance=[4])


@pytest.mark.parametrize("method", METHODS)
def test_the_old_number_of_draws_per_chain_works_with_one_warning(method):
    with pytest.warns(FutureWarning, match=r"Write n_draws=500\.") as caught:
        old = method(draws=250, chains=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert old.get_params() == method(n_draws=500, chains=2).get_params()
    with pytest.warns(FutureWarning, match=r"Write n_draws=1000\."):
        assert method(draws=250).n_draws == 1000  # four chains by default


@pytest.mark.parametrize("method", METHODS)
def test_old_names_in_set_params_and_in_study_files(method):
    two_chains = method(chains=2)
    with pytest.warns(FutureWarning, match=r"Write n_draws=500\.") as caught:
        two_chains.set_params(draws=250)
    assert caught[0].filename == __file__
    assert clone(two_chains).get_params()["n_draws"] == 500
    with pytest.warns(FutureWarning, match=r"Write n_draws=750\."):
        assert two_chains.set_params(draws=250, chains=3).n_draws == 750
    with pytest.warns(FutureWarning, match=r"Write n_draws=400\."):
        assert make_method(method.__name__, {"draws": 100}).n_draws == 400


def test_the_old_name_of_the_year_weights():
    with pytest.warns(FutureWarning, match=r"Write year_weights='last'\."):
        assert ss.AdministrativeBenchmark(weights="last").year_weights == "last"


@pytest.mark.parametrize("method", METHODS)
def test_old_and_new_name_together_are_refused(method):
    with pytest.raises(ParameterError, match="'draws' is the old name of 'n_draws'"):
        method(draws=100, n_draws=400)
    with pytest.raises(ParameterError, match="'draws' is the old name of 'n_draws'"):
        method().set_params(draws=100, n_draws=400)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"n_draws": 0}, r"n_draws is 0; allowed: a whole number from 2"),
        ({"n_draws": 2.5}, r"n_draws is 2\.5; allowed: a whole number"),
        ({"chains": 0}, r"chains is 0; allowed: a whole number from 1"),
        ({"n_draws": 1001}, r"n_draws is 1001\. Give a multiple of the 4 chains, such as 1000"),
    ],
)
def test_impossible_numbers_of_draws_are_parameter_errors(method, wrong, cure):
    with pytest.raises(ParameterError, match=f"{method.__name__}: {cure}"):
        method(**wrong).fit(None, DESIGN)


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        (ss.AdministrativeBenchmark(n_draws=1000), 2e-3),  # Monte Carlo error 4e-4: other order, other draws
        (ss.SyntheticControl(), 1e-12),
        (ss.SyntheticDiD(), 1e-12),
    ],
)
def test_scale_order_of_rows_and_names_change_no_rate(null_panel, method, tolerance):
    """Fault H9: spending from EUR 0.002 to 2,000,000,000,000 per insured-year, rows shuffled, units renamed."""
    frame = null_panel(n_units=24, n_periods=6, first=2012).to_frame()
    names = dict(zip(frame["unit"].unique(), np.random.default_rng(1).permutation(frame["unit"].unique()), strict=True))

    def rate(scale, names):
        own = frame.assign(spending=frame["spending"] * scale, unit=frame["unit"].map(names))
        panel = ss.Panel.from_frame(own.sample(frac=1, random_state=int(np.log10(scale)) + 6))
        design = ss.Design([names["u000"]], range(2012, 2017), [2017])
        return method.fit(panel, design, seed=1).savings().pooled().measured_rate.item()

    plain = rate(1.0, {unit: unit for unit in names})
    assert [rate(scale, names) for scale in (1e-6, 1e9)] == pytest.approx([plain, plain], abs=tolerance)
