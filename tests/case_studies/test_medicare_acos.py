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


def simulated(noise, rng, *, k=2.8, sigma=0.01, tau=0.035, acos=900):
    years = (2020, 2021, 2022, 2023)
    mu = np.array([0.01, 0.02, 0.03, 0.035])
    size = np.exp(rng.normal(9.5, 0.8, acos)).clip(1_000)[:, None] * np.ones(4)
    a = rng.normal(0.0, tau, (acos, 1))
    shock = rng.normal(0.0, sigma, (acos, 4))
    rate = mu + a + shock + rng.normal(size=(acos, 4)) * k / np.sqrt(size)
    rate[rng.random((acos, 4)) < 0.2] = np.nan
    rate[np.isnan(rate).all(axis=1), 3] = 0.0
    groups = pd.MultiIndex.from_product([[f"A{i}" for i in range(acos)], [0]])
    return noise.Panel(rate, np.where(np.isnan(rate), np.nan, size), groups, years), mu + a, mu + a + shock


SMALL_GRID = {
    "k": np.linspace(1.6, 4.0, 13),
    "sigma": np.linspace(0.001, 0.022, 13),
    "tau": np.linspace(0.028, 0.044, 9),
}


@pytest.fixture(scope="module")
def known(noise):
    panel, persistent, yearly = simulated(noise, np.random.default_rng(11))
    return panel, {"persistent": persistent, "yearly": yearly}, noise.fit(panel, **SMALL_GRID)


class TestNoise:
    """The posterior on panels whose k, shock and true savings are known."""

    def test_recovers_k_shock_and_spread(self, known):
        table = known[2].summary().set_index("parameter")
        for name, truth in (("k", 2.8), ("shock", 0.01), ("between", 0.035)):
            assert abs(table.loc[name, "mean"] - truth) < 3.5 * table.loc[name, "sd"]
        assert table.loc["k", "sd"] < 0.4

    @pytest.mark.parametrize("reading", ["persistent", "yearly"])
    def test_true_rates_are_calibrated_and_share_of_noise_is_right(self, noise, known, reading):
        panel, truths, posterior = known
        here = ~np.isnan(panel.rate[:, 3])
        draws = noise.true_rates(posterior, 2023, reading, draws=400, seed=3)
        truth = truths[reading][here, -1]
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
        biased = noise.noise_of_payments(settled, draws, benchmark_bias=0.01).iloc[0]
        assert biased["noise"] > row["noise"]
        banded = noise.noise_of_payments(noise.with_size(settled), draws, by="size")
        assert banded["paid_million"].sum() == pytest.approx(row["paid_million"])
        assert banded["noise"] @ banded["paid_million"] / row["paid_million"] == pytest.approx(row["noise"])

    def test_marginal_likelihood_is_the_dense_one(self, noise):
        """The closed form against a dense multivariate normal with a flat prior on the year means."""
        panel, _, _ = simulated(noise, np.random.default_rng(5), acos=30)
        points = [(2.0, 0.005, 0.03), (3.0, 0.012, 0.04)]
        logs = []
        for k, sigma, tau in points:
            group, year = np.nonzero(~np.isnan(panel.rate))
            y, n = panel.rate[group, year], panel.size[group, year]
            c = np.diag(k**2 / n + sigma**2) + tau**2 * (group[:, None] == group[None, :])
            x = np.eye(4)[year]
            inverse = np.linalg.inv(c)
            precision = x.T @ inverse @ x
            mean = np.linalg.solve(precision, x.T @ inverse @ y)
            left = y - x @ mean
            logs.append(-0.5 * (np.linalg.slogdet(c)[1] + np.linalg.slogdet(precision)[1] + left @ inverse @ left))
        grids = {"k": np.array([2.0, 3.0]), "sigma": np.array([0.005, 0.012]), "tau": np.array([0.03, 0.04])}
        ours = noise.log_marginals(panel, **grids)
        at = {tuple(point): log for point, log in zip(ours.points, ours.log, strict=True)}
        assert at[points[1]] - at[points[0]] == pytest.approx(logs[1] - logs[0], rel=1e-8)

    def test_mass_at_the_edge_is_refused(self, noise):
        panel, _, _ = simulated(noise, np.random.default_rng(6), acos=200)
        with pytest.raises(ValueError, match="reaches the edge of its grid"):
            noise.fit(panel, k=np.linspace(0.5, 1.0, 3), sigma=np.array([0.01]), tau=np.array([0.035]))


def test_panel_of_2014_to_2023(noise, data_dir):
    panel = noise.load_panel(data_dir / "mssp")
    # 4,795 ACO-years less 220 of 2013 and 166 half years of 2019
    assert (~np.isnan(panel.rate)).sum() == 4_795 - 220 - 166
    assert panel.years == tuple(range(2014, 2024))
    assert (~np.isnan(panel.rate)).sum(axis=1).max() <= 5


@pytest.mark.evidence
def test_noise_of_the_payments_of_2022_and_2023(noise, replicate, data_dir):
    """The figures that the case study's README prints."""
    posterior = noise.fit(noise.load_panel(data_dir / "mssp"))
    table = posterior.summary().set_index("parameter")
    assert table["mean"].to_dict() == pytest.approx({"k": 2.88, "shock": 0.0097, "between": 0.0352}, rel=0.01)
    for year, persistent, yearly in ((2022, 0.165, 0.141), (2023, 0.165, 0.144)):
        settled = replicate.replicate(data_dir / "mssp", year)
        for reading, share in (("persistent", persistent), ("yearly", yearly)):
            row = noise.noise_of_payments(settled, noise.true_rates(posterior, year, reading)).iloc[0]
            assert row["noise"] == pytest.approx(share, abs=0.005)
