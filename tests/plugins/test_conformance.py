"""The suite passes what keeps the protocol; each bad method breaks one promise, and fails on that check alone."""

import os
import sys
from dataclasses import replace

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.base import BaseEstimator

import ssinfer as ss
from ssinfer.errors import DataError, RefusalError
from ssinfer.plugins.conformance.suite import CHECKS, simulated_case
from ssinfer.plugins.conformance.support import level
from ssinfer.plugins.conformance.trial import Trial
from ssinfer.protocol import Benchmark, Capabilities

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test module


def growth(data, design):
    """Baseline of the treated unit (1,), growth of every unit (N, P), rows of the donors."""
    baseline = data.columns([period for period in design.baseline if period not in design.masked])
    performance = data.columns([period for period in design.performance if period not in design.masked])
    level = data.spending[:, baseline].mean(axis=1)
    ratio = data.spending[:, performance] / level[:, None]
    return level[data.rows(design.treated)], ratio, design.donor_rows(data)


class Good(BaseEstimator):
    """Donors' mean growth with normal errors of the donors' own spread; the others break one promise each."""

    needs = "panel"
    capabilities = Capabilities(several_treated=False, confidence=True)
    uncertainty, information = "sampling", "settlement"

    def __init__(self, draws=400, extra=None):
        self.draws = draws
        self.extra = extra

    def fit(self, data, design, *, seed=None):
        if len(design.treated) > 1:
            raise ss.errors.NotSupportedError("Several treated units", type(self).__name__)
        level, ratio, donors = growth(data, design)
        benchmark = self.draw(level, ratio, donors, self.generator(seed))
        performance = [period for period in design.performance if period not in design.masked]
        coords = {"unit": list(design.treated), "period": performance}
        labels = {"chain": [0], "draw": np.arange(benchmark.shape[1]), **coords}
        cells = np.ix_(data.rows(design.treated), data.columns(performance))
        return ss.Counterfactual(
            method=type(self).__name__,
            design=design,
            benchmark=xr.DataArray(benchmark, labels, ("chain", "draw", "unit", "period")),
            spending=xr.DataArray(data.spending[cells], coords, ("unit", "period")),
            insured_years=xr.DataArray(data.insured_years[cells], coords, ("unit", "period")),
            uncertainty=self.uncertainty,
            information=self.information,
        )

    def generator(self, seed):
        return np.random.default_rng(seed)

    def draw(self, level, ratio, donors, rng):
        noise = rng.standard_normal((1, self.draws, 1, ratio.shape[1]))
        return level[0] * (ratio[donors].mean(axis=0) + ratio[donors].std(axis=0) * noise)


class LeaksTheFuture(Good):
    """A tenth of the treated unit's own performance spending."""

    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return replace(cf, benchmark=0.9 * cf.benchmark + 0.1 * cf.spending)


class LeaksIntoTheFit(Good):
    """Fitted values in the baseline that know the treated unit's performance spending."""

    def fit(self, data, design, *, seed=None):
        cf, rows = super().fit(data, design, seed=seed), data.rows(design.treated)
        baseline = [period for period in design.baseline if period not in design.masked]
        coords = {"unit": list(design.treated), "period": baseline}
        observed = data.spending[np.ix_(rows, data.columns(baseline))]
        fitted = xr.DataArray(observed, coords, ("unit", "period"))
        return replace(cf, fitted=fitted * (1 + 0.001 * np.nan_to_num(cf.spending).sum() / observed.sum()))


class FitsOtherPeriods(Good):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return replace(cf, fitted=cf.benchmark[0, 0].drop_vars(("chain", "draw")))


class MutatesData(Good):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        data.spending.setflags(write=True)
        data.spending[0, 0] += 1.0
        return cf


class WritesIntoData(Good):
    """numpy refuses it, because a panel is read-only."""

    def fit(self, data, design, *, seed=None):
        data.spending[:] = np.log(data.spending)
        return super().fit(data, design, seed=seed)


class MutatesParameters(Good):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        self.extra = np.arange(5)
        return cf


class IgnoresTheSeed(Good):
    def generator(self, seed):
        del seed
        return np.random.default_rng()


class DependsOnProcess(Good):
    def generator(self, seed):
        return np.random.default_rng([seed, os.getpid()])


class DependsOnCurrency(Good):
    """An amount of money as a constant: fine in euros, absurd in cents."""

    def draw(self, level, ratio, donors, rng):
        return super().draw(level, ratio, donors, rng) + 100.0


class DependsOnOrder(Good):
    def draw(self, level, ratio, donors, rng):
        return super().draw(level, ratio, donors[:3], rng)


class DependsOnNames(Good):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return replace(cf, benchmark=cf.benchmark * (1.1 if design.treated[0].startswith("t") else 1.0))


class ReturnsNaN(Good):
    def draw(self, level, ratio, donors, rng):
        draws = super().draw(level, ratio, donors, rng)
        draws[0, 3] = np.nan
        return draws


class HidesNaN(Good):
    """The draws of the sampling distribution, which birth does not look at."""

    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return replace(cf, confidence=cf.benchmark.where(cf.benchmark["draw"] > 3))


class PosteriorOfOneDraw(Good):
    uncertainty = "posterior"
    capabilities = Capabilities(several_treated=False, posterior=True)

    def draw(self, level, ratio, donors, rng):
        return super().draw(level, ratio, donors, rng)[:, :1]


class PosteriorOfCopies(PosteriorOfOneDraw):
    def draw(self, level, ratio, donors, rng):
        return np.repeat(super().draw(level, ratio, donors, rng), 400, axis=1)


class ClaimsSigning(Good):
    information = "signing"


class ClaimsSettlement(Good):
    def draw(self, level, ratio, donors, rng):
        noise = rng.standard_normal((1, self.draws, 1, ratio.shape[1]))
        return level[0] * (1.03 + 0.03 * noise) + 0 * donors[0]


class OwnDonor(Good):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        names = [design.treated[0], *(unit for unit in data.units if unit not in design.treated)]
        weights = np.full((1, len(names)), 1 / len(names))
        return replace(cf, weights=pd.DataFrame(weights, index=list(design.treated), columns=names))


class BreaksPickling(Good):
    def __init__(self, draws=400, extra=None):
        super().__init__(draws, extra)
        self.transform = lambda values: values


class BreaksCloning(Good):
    """A constructor that does more than store."""

    def __init__(self, draws=400, extra=None):
        super().__init__(draws, list(extra or ()))


class WithoutParameters:
    """No get_params, so that scikit-learn cannot clone it."""

    needs = "panel"
    fit, generator, draw = Good.fit, Good.generator, Good.draw
    uncertainty, information = "sampling", "settlement"
    draws = 400


class RefusesWhatItDeclares(Good):
    capabilities = Capabilities(several_treated=True, confidence=True)


class ReadsTheMask(Good):
    def fit(self, data, design, *, seed=None):
        return super().fit(data, design.replace(masked=()), seed=seed)


class UndeclaredPosterior(Good):
    uncertainty = "posterior"


class WrongPeriods(Good):
    def fit(self, data, design, *, seed=None):
        return super().fit(data, design.replace(performance=design.performance[:1]), seed=seed)


class ReturnsAnArray(Good):
    def fit(self, data, design, *, seed=None):
        return super().fit(data, design, seed=seed).benchmark


class Raises(Good):
    def draw(self, level, ratio, donors, rng):
        del level, ratio, donors, rng
        raise ZeroDivisionError("no donors")


class Undercovers(Good):
    def draw(self, level, ratio, donors, rng):
        draws = super().draw(level, ratio, donors, rng)
        return draws.mean(axis=1, keepdims=True) + 0.1 * (draws - draws.mean(axis=1, keepdims=True))


class ShrinksLevels(Good):
    """Half of the level is that of the donors."""

    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        level = data.spending[:, data.columns(design.baseline)].mean(axis=1)
        own, others = level[data.rows(design.treated)][0], level[design.donor_rows(data)].mean()
        return replace(cf, benchmark=cf.benchmark * (own + others) / (2 * own))


class SaysThatItShrinks(ShrinksLevels):
    capabilities = replace(Good.capabilities, level_dependent=True)


BAD = {
    LeaksTheFuture: "sealing",
    LeaksIntoTheFit: "sealing",
    FitsOtherPeriods: "shapes",
    MutatesData: "mutation",
    WritesIntoData: "mutation",
    MutatesParameters: "mutation",
    IgnoresTheSeed: "seed",
    DependsOnProcess: "jobs",
    DependsOnCurrency: "currency",
    DependsOnOrder: "order",
    DependsOnNames: "order",
    ReturnsNaN: "finite",
    HidesNaN: "finite",
    PosteriorOfOneDraw: "uncertainty",
    PosteriorOfCopies: "uncertainty",
    ClaimsSigning: "information",
    ClaimsSettlement: "information",
    OwnDonor: "own_donor",
    BreaksPickling: "pickling",
    BreaksCloning: "cloning",
    WithoutParameters: "cloning",
    RefusesWhatItDeclares: "capabilities",
    ReadsTheMask: "capabilities",
    UndeclaredPosterior: "capabilities",
    WrongPeriods: "shapes",
    ReturnsAnArray: "shapes",
    Raises: "shapes",
}


def failed(report):
    return set(report.checks.loc[report.checks["status"] == "FAIL", "check"])


@pytest.mark.parametrize(("bad", "check"), BAD.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_bad_method_fails_on_the_right_check_alone(bad, check):
    report = ss.check_benchmark(bad(), replicates=0)
    assert failed(report) == {check}, report
    assert not report.passed
    with pytest.raises(RefusalError, match=f"{bad.__name__} fails 1 conformance checks: {check}: "):
        report.raise_if_failed()


def test_dependence_on_the_level_fails_unless_it_is_declared():
    data, design = simulated_case("panel", 1)
    mean = data.spending[:, data.columns(design.baseline)].mean(axis=1)
    own, others = mean[data.rows(design.treated)][0], mean[design.donor_rows(data)].mean()
    error = others * (1 / 0.85 - 1) / (own + others)  # at -15%; at +15% it is smaller
    for method, passes in ((ShrinksLevels(), False), (SaysThatItShrinks(), True)):
        passed, figure, message = level(Trial(method, data, design))
        assert (passed, figure) == (passes, pytest.approx(error))
        assert f"{100 * error:+.1f} points at -15%" in message
        assert ("Declare it" in message) is not passes
    passed, figure, _ = level(Trial(Good(), data, design))
    assert passed
    assert figure == pytest.approx(0, abs=1e-9)


def test_a_method_that_undercovers_fails_on_calibration_alone():
    report = ss.check_benchmark(Undercovers(), replicates=40)
    assert failed(report) == {"calibration"}, report
    row = report.checks.set_index("check").loc["calibration"]
    assert row["figure"] < 0.5
    assert "±" in row["message"]


@pytest.mark.parametrize("name", ["administrative", "stranger", "good"])
def test_methods_that_keep_the_protocol_pass(name, growth_benchmark):
    method = {"administrative": ss.AdministrativeBenchmark, "stranger": growth_benchmark, "good": Good}[name]()
    report = ss.check_benchmark(method)
    assert report.passed, report
    report.raise_if_failed()
    assert list(report.checks["check"]) == [*(check.__name__ for check in CHECKS), "calibration"]
    status = report.checks.set_index("check")["status"]
    assert set(status[status == "NOT EVALUATED"].index) <= {"own_donor"}
    coverage = report.checks.set_index("check").loc["calibration", "figure"]
    assert 0.8 <= coverage <= 1.0
    assert isinstance(method, Benchmark)


def test_a_point_estimate_passes_without_calibration():
    class Point(Good):
        uncertainty = "none"
        capabilities = Capabilities(several_treated=False)

        def draw(self, level, ratio, donors, rng):
            del rng
            return np.broadcast_to(level[0] * ratio[donors].mean(axis=0), (1, 1, 1, ratio.shape[1])).copy()

    report = ss.check_benchmark(Point(), replicates=20)
    # a class inside a function cannot be pickled, and nothing else is wrong with it
    assert failed(report) == {"pickling"}, report
    status = report.checks.set_index("check")["status"]
    assert status["calibration"] == "NOT EVALUATED"


def test_own_data_and_design(null_panel):
    panel = null_panel(20, 6)
    assert ss.check_benchmark(Good(), panel, replicates=0).passed
    design = ss.Design(treated=["u003"], baseline=[2012, 2013, 2014], performance=[2016])
    assert ss.check_benchmark(Good(), panel, design=design, replicates=0).passed
    with pytest.raises(DataError, match="design goes with data"):
        ss.check_benchmark(Good(), design=design)


@pytest.mark.parametrize(("method", "words"), [(object(), "no fit"), (Good, "needs")], ids=["object", "class"])
def test_what_is_no_method_is_refused(method, words):
    if method is Good:
        method = type("Odd", (Good,), {"needs": "frame"})()
    with pytest.raises(DataError, match=words):
        ss.check_benchmark(method)


def test_leaking_is_found_in_a_method_without_repeatable_draws():
    class Both(LeaksTheFuture, IgnoresTheSeed):
        pass

    report = ss.check_benchmark(Both(), replicates=0)
    assert {"sealing", "seed"} <= failed(report)
