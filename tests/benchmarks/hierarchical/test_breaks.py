"""Declared breaks. Authorities: the dense Gaussian (scipy), differences, and a simulated break of known size."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import Break, HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.problem import Problem

SIZE = -0.06  # of log spending per standard deviation of the covariate, from 2021 on
DECLARED = [{"covariate": "clinic", "first": 2021}]
QUICK = {"unit_effect": "pooled", "n_draws": 1000, "nodes": 512}


def panel_with_clinics(clinic=None):
    rng = np.random.default_rng(3)
    x = np.where(rng.random(40) < 0.3, rng.gamma(1.0, 1.0, 40), 0.0) if clinic is None else clinic
    level = 2000 * np.exp(rng.normal(0.0, 0.1, 40))
    rows = [
        (f"p{i:02}", year, level[i] * 1.02**year / 1.02**2016, 20_000.0, x[i] if year < 2021 else np.nan)
        for i in range(40)
        for year in range(2016, 2022)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years", "clinic"])
    changed = SIZE * (x / (x.std() or 1.0))[:, None] * (np.arange(6) == 5)
    frame["spending"] *= np.exp(rng.normal(0.0, 0.01, len(frame)) + changed.ravel())
    return ss.Panel.from_frame(frame, covariates=["clinic"]), f"p{int(np.argmax(x)):02}"


PANEL, LARGEST = panel_with_clinics()
DESIGN = ss.Design(treated=[LARGEST], baseline=range(2016, 2021), performance=[2021])


def test_a_break_that_others_show_is_no_saving():
    without, declared = (HierarchicalBenchmark(breaks=b, **QUICK).fit(PANEL, DESIGN, seed=1) for b in ((), DECLARED))
    rates = [cf.savings().pooled().rate for cf in (without, declared)]
    assert float(rates[0].mean()) > 0.2, "five standard deviations of the covariate make 25%"
    assert abs(float(rates[1].mean())) < 2 * float(rates[1].std())
    row = declared.diagnostics.set_index("check").loc["break clinic"]
    clinic = PANEL.covariate("clinic")[:, 0]
    assert row["figure"] == pytest.approx(clinic.max() / clinic.std())


def test_the_likelihood_is_that_of_the_dense_gaussian_and_its_gradient_that_of_differences():
    layout = lay_out(Problem.of(PANEL, DESIGN), HierarchicalBenchmark(breaks=[Break("clinic", 2021)], **QUICK))
    model, (y, seen) = layout.model, (layout.y, layout.seen)
    x = np.random.default_rng(0).normal(0.0, 0.3, model.size)
    at = model.covariances(x)
    covariance = np.kron(np.eye(len(y)), at.shared) + np.diag(at.noise.ravel())
    for block, root in zip(model.blocks, at.common, strict=True):
        covariance += np.kron(block.loadings @ block.loadings.T, root @ root.T)
    cells = seen.ravel() > 0
    dense = multivariate_normal(cov=covariance[np.ix_(cells, cells)]).logpdf(y.ravel()[cells]) + model.log_prior(x)
    value, gradient = model.log_posterior_gradient(x, y, seen)
    assert value == pytest.approx(float(dense), abs=1e-8)
    steps = 1e-5 * np.eye(model.size)
    expected = [(model.log_posterior(x + h, y, seen) - model.log_posterior(x - h, y, seen)) / 2e-5 for h in steps]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_a_window_that_ends_before_the_break_does_not_have_it():
    before = ss.Design(treated=[LARGEST], baseline=range(2016, 2020), performance=[2020])
    draws = [HierarchicalBenchmark(breaks=b, **QUICK).fit(PANEL, before, seed=1) for b in ((), DECLARED)]
    np.testing.assert_array_equal(draws[0].benchmark, draws[1].benchmark)


ONLY_ONE = np.where(np.arange(40) == 7, 1.0, 0.0)


@pytest.mark.parametrize(
    ("clinic", "design", "declared", "says"),
    [
        (None, DESIGN, [{"covariate": "clinics", "first": 2021}], "no covariate 'clinics'.*'clinic'"),
        (None, DESIGN, [{"covariate": "clinic", "first": 2035}], "no first period of a break 2035"),
        (None, DESIGN, [{"covariate": "clinic", "first": [2021]}], "first"),
        (None, DESIGN, [{"covariate": 3, "first": 2021}], "breaks is .*allowed: a list with a Break"),
        (None, DESIGN, [{"covariate": "clinic"}], "allowed: a list with a Break, or a table"),
        (None, DESIGN, [{"covariate": "clinic", "first": 2016}], "not known before 2016"),
        (np.full(40, 2.0), DESIGN, DECLARED, "the same in every unit"),
        (
            ONLY_ONE,
            ss.Design(["p07"], range(2016, 2021), [2021]),
            [{"covariate": "clinic", "first": 2019}],
            "only treated",
        ),
    ],
)
def test_a_break_that_cannot_be_used_is_refused(clinic, design, declared, says):
    with pytest.raises(ss.errors.SsinferError, match=says):
        HierarchicalBenchmark(breaks=declared, **QUICK).fit(panel_with_clinics(clinic)[0], design, seed=1)
