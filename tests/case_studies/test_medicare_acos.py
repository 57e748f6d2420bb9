"""Medicare's public use files are the authority: every ACO of 2022 and 2023, and the rules of 2014 to 2021."""

import numpy as np
import pandas as pd
import pytest

CAPPED = "loss capped by revenue, which is not published"


@pytest.fixture(scope="module")
def replicate(case_study):
    return case_study("medicare_acos/replicate.py")


@pytest.fixture(scope="module")
def noise(case_study):
    return case_study("medicare_acos/noise.py")


# CMS published 482 and 453 ACOs; the exceptions are those four whose loss cap is a share of unpublished revenue
@pytest.mark.parametrize(
    ("year", "acos", "exceptions"),
    [(2022, 482, {"A1070"}), (2023, 453, {"A1241", "A4627", "A5293"})],
)
def test_public_use_file(replicate, data_dir, year, acos, exceptions):
    settled = replicate.replicate(data_dir / "mssp", year)
    table = replicate.agreement(settled).set_index("figure")
    assert len(settled) == acos
    assert table.loc["savings_rate", "agree"] == acos
    assert table.loc["minimum_savings_rate", "agree"] == acos
    assert table.loc["minimum_savings_rate, one-sided", "share"] == 1.0
    assert table.loc["sharing_rate", "agree"] == acos
    assert table.loc["payment", "agree"] == acos - len(exceptions)
    wrong = settled[settled["exception"] != ""]
    assert set(wrong["ACO_ID"]) == exceptions
    assert set(wrong["exception"]) == {CAPPED}
    # the explanation survives its own test: CMS calls these ACOs low-revenue, below 35% of expenditure
    assert set(wrong["Rev_Exp_Cat"]) == {"Low Revenue"}
    assert (wrong["implied_revenue_share"] < 0.35).all()
    if year == 2023:
        assert table.loc["loss_rate", "share"] == 1.0


def test_rules_of_2014_to_2021(case_study, data_dir):
    rows = case_study("medicare_acos/earlier_years.py").replicate_earlier(data_dir / "mssp")
    assert len(rows) == 3_359
    assert rows["paid_agrees"].all()
    assert (~rows["gate_agrees"]).sum() == 1
    assert (rows["share_apart"] <= 0.01).all()
    # CMS waived losses in the public health emergency of 2020 and 2021
    assert set(rows.loc[rows["owes_here_only"], "year"]) <= {2020, 2021}
    assert not rows["owed_there_only"].any()
    assert (rows["money_apart"].dropna() <= 0.0201).all()
    assert (rows["money_apart"] > 0.001).sum() <= 3


TRUTH = {"k": 2.8, "shock": 0.008, "between": 0.035, "persistence": 0.85}


def simulated(noise, rng, *, acos=900):
    """A panel whose true savings are known: the model with the parameters of TRUTH."""
    k, sigma, tau, rho = TRUTH.values()
    mu = np.array([0.01, 0.02, 0.03, 0.035])
    size = np.exp(rng.normal(9.5, 1.0, acos)).clip(1_000)[:, None] * np.ones(4)
    lasting = rng.normal(0.0, tau, (acos, 4))
    for year in range(1, 4):
        lasting[:, year] = rho * lasting[:, year - 1] + np.sqrt(1 - rho**2) * lasting[:, year]
    error = rng.normal(size=(acos, 4)) * np.sqrt(k**2 / size + sigma**2)
    rate = mu + lasting + error
    rate[rng.random((acos, 4)) < 0.2] = np.nan
    rate[np.isnan(rate).all(axis=1), 3] = 0.0
    groups = pd.MultiIndex.from_product([[f"A{i}" for i in range(acos)], [0]])
    panel = noise.Panel(rate, np.where(np.isnan(rate), np.nan, size), groups, (2020, 2021, 2022, 2023))
    return panel, mu + lasting


@pytest.fixture(scope="module")
def known(noise):
    panel, truth = simulated(noise, np.random.default_rng(11))
    return panel, truth, noise.fit(panel, draws=1_000)


class TestNoise:
    """The posterior on a panel whose parameters and true savings are known."""

    def test_recovers_the_parameters(self, known):
        table = known[2].summary().set_index("parameter")
        for name, truth in TRUTH.items():
            assert abs(table.loc[name, "mean"] - truth) < 3.5 * table.loc[name, "sd"]
        assert table.loc["k", "sd"] < 0.4
        assert table.loc["persistence", "sd"] < 0.1

    def test_changes_fit_the_model(self, noise, known):
        table = noise.check_fit(known[2]).set_index("group")
        assert table.loc["all", "sd"] == pytest.approx(1.0, abs=4 * table.loc["all", "se_sd"])
        assert table.loc["all", "correlation"] == pytest.approx(table.loc["all", "expected"], abs=0.12)

    def test_true_rates_are_calibrated_and_share_of_noise_is_right(self, noise, known):
        panel, truths, posterior = known
        here = ~np.isnan(panel.rate[:, 3])
        draws = noise.true_rates(posterior, 2023, draws=400, seed=3)
        truth = truths[here, -1]
        assert list(draws.index) == list(panel.groups[here])
        low, high = np.quantile(draws.to_numpy(), [0.1, 0.9], axis=1)
        inside = ((truth >= low) & (truth <= high)).mean()
        assert inside == pytest.approx(0.8, abs=3.5 * np.sqrt(0.16 / here.sum()))
        measured = panel.rate[here, 3]
        money = 1e4 * panel.size[here, 3]
        paid = np.where(measured >= 0.02, 0.5 * measured * money, 0.0)
        settled = pd.DataFrame(
            {
                "ACO_ID": panel.groups.get_level_values(0)[here],
                "before_relief": paid,
                "sharing_rate": 50.0,
                "ABtotBnchmk": money,
                "N_AB": panel.size[here, 3],
            },
        )
        row = noise.noise_of_payments(settled, draws).iloc[0]
        actual = np.maximum(paid - 0.5 * np.maximum(truth, 0) * money, 0).sum() / paid.sum()
        assert abs(row["noise"] - actual) < 4 * row["noise_sd"]
        assert noise.noise_of_payments(settled, draws, benchmark_bias=0.01).iloc[0]["noise"] > row["noise"]
        erring = noise.true_rates(posterior, 2023, persistent_error=0.25, draws=400, seed=3)
        assert noise.noise_of_payments(settled, erring).iloc[0]["noise"] > row["noise"]
        banded = noise.noise_of_payments(noise.with_size(settled), draws, by="size")
        assert banded["paid_million"].sum() == pytest.approx(row["paid_million"])
        assert banded["noise"] @ banded["paid_million"] / row["paid_million"] == pytest.approx(row["noise"])

    def test_marginal_likelihood_is_the_dense_one(self, noise):
        """The packed form against a dense multivariate normal with a flat prior on the year means."""
        panel, _ = simulated(noise, np.random.default_rng(5), acos=30)
        packed = noise.Packed.of(panel)
        group, year = np.nonzero(~np.isnan(panel.rate))
        y, n = panel.rate[group, year], panel.size[group, year]
        x = np.eye(4)[year]
        ours, dense = [], []
        for point in ((2.0, 0.005, 0.03, 0.5), (3.0, 0.012, 0.04, 0.9)):
            k, sigma, tau, rho = point
            lag = np.abs(year[:, None] - year[None, :])
            c = np.diag(k**2 / n + sigma**2) + tau**2 * rho**lag * (group[:, None] == group[None, :])
            inverse = np.linalg.inv(c)
            precision = x.T @ inverse @ x
            mean = np.linalg.solve(precision, x.T @ inverse @ y)
            left = y - x @ mean
            dets = np.linalg.slogdet(c)[1] + np.linalg.slogdet(precision)[1]
            dense.append(-0.5 * (dets + left @ inverse @ left))
            log, means, covariance = packed.marginal(np.array(point))
            ours.append(log)
            assert means == pytest.approx(mean, rel=1e-8)
            assert covariance == pytest.approx(np.linalg.inv(precision), rel=1e-8)
        assert ours == pytest.approx(dense, rel=1e-9)

    def test_too_few_effective_draws_are_refused(self, noise, known):
        with pytest.raises(ValueError, match="effective draws of 50"):
            noise.fit(known[0], draws=50)


def test_panel_of_2014_to_2023(noise, data_dir):
    panel = noise.load_panel(data_dir / "mssp")
    # 4,795 ACO-years less 220 of 2013 and 166 half years of 2019
    assert (~np.isnan(panel.rate)).sum() == 4_795 - 220 - 166
    assert panel.years == tuple(range(2014, 2024))
    assert (~np.isnan(panel.rate)).sum(axis=1).max() <= 5


@pytest.mark.evidence
def test_noise_of_the_payments_of_2022_and_2023(noise, replicate, data_dir):
    """The figures that the case study's README prints, within their Monte Carlo error."""
    posterior = noise.fit(noise.load_panel(data_dir / "mssp"))
    table = posterior.summary().set_index("parameter")
    for name, printed in {"k": 2.60, "shock": 0.0015, "between": 0.0378, "persistence": 0.910}.items():
        assert table.loc[name, "mean"] == pytest.approx(
            printed, abs=0.005 * (name == "k") + 4 * table.loc[name, "mcse"] + 5e-4
        )
    for year, shares in ((2022, (0.127, 0.177, 0.226)), (2023, (0.127, 0.175, 0.221))):
        settled = replicate.replicate(data_dir / "mssp", year)
        for part, share in zip(noise.PERSISTENT_ERRORS, shares, strict=True):
            row = noise.noise_of_payments(settled, noise.true_rates(posterior, year, persistent_error=part)).iloc[0]
            assert row["noise"] == pytest.approx(share, abs=0.004)
