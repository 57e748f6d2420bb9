"""Components of the error and diagnostics of a risk-adjusted benchmark."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from ssinfer.benchmarks.persons import level_slope
from ssinfer.benchmarks.risk_adjusted.fit import Fit
from ssinfer.benchmarks.risk_adjusted.kernels.unit_effects import Draws, Unseen, raised_variance, shock_correlation
from ssinfer.check import Check, Status, tabulate
from ssinfer.typing import Floats

MAX_GROUP_EFFECT = 2.0  # standard errors: beyond, the group is unlike its persons
MAX_WITHOUT_HISTORY = 0.2  # share of insured-years without spending in the year before
LEVELS = (0.10, 0.15)  # above the others, for which the mean error is printed


def components(fit: Fit, level: Floats, noise: Floats, added: Floats, growth: Floats) -> dict[str, Floats]:
    """Return the shares of the squared benchmark by source of error; noise includes what it shares with the effect."""
    part = (fit.rate / (fit.rate + added)) ** 2  # of a benchmark to which the expected excess is added
    ahead = {} if len(growth) == 1 else {"growth": growth.var(axis=0) / growth.mean(axis=0) ** 2}
    return ahead | {
        "reference_group": np.diag(fit.model_error).reshape(part.shape) / fit.rate**2 * part,
        "group_shock": level.var(axis=0) * part,
        "performance_noise": ((level + noise).var(axis=0) - level.var(axis=0)) * part,
    }


def _placebos(fit: Fit, point: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return errors of the donors (G,), each predicted as a treated unit is, in truncated spending of the last block.

    These are benchmark less spending, relative; with them their predicted SD at `point`, the posterior means of the
    variances; that without the bound on the response; and the log of spending per insured-year before the start,
    relative to the others.
    """
    donors, width = fit.donors, len(fit.window.earlier)
    r, noise, missing = fit.residuals(donors, width + 1)
    years = np.array([*(block.year for block in fit.window.blocks.earlier), 0])
    kept = fit.least_kept(fit.truncated[2][donors, -1])
    added, _ = raised_variance(point, Unseen(r[:, :width], noise, years, np.zeros(len(donors), int), kept))
    shocks = (point[0, 1] ** 2 + point[0, 4] ** 2) * shock_correlation(point[0, 2], years)
    sds = []
    for more in (np.zeros(len(donors)), added[0]):
        K = (point[0, 0] ** 2 + point[0, 3] ** 2 + more)[:, None, None] + shocks + noise
        weights = np.linalg.solve(K[:, :width, :width], K[:, :width, width:])[..., 0] if width else r[:, :0]
        sds.append(np.sqrt(K[:, width, width] - (weights * K[:, width, :width]).sum(axis=1)))
    error = (weights * r[:, :width]).sum(axis=1) - r[:, width]
    history = np.setdiff1d(np.arange(fit.window.blocks.performance.history_end), fit.window.blocks.masked)
    years_before = np.nan_to_num(fit.problem.sizes)[np.ix_(donors, history)]
    money = np.nan_to_num(fit.problem.panel.spending)[np.ix_(donors, history)] * years_before
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(money.sum(axis=1) / years_before.sum(axis=1))
    use = ~missing[:, width] & np.isfinite(level)
    return error[use], sds[1][use], sds[0][use], level[use] - (level[use].mean() if use.any() else 0.0)


def growth_check(growths: Floats, noise: float, years: int, ahead: Floats) -> Check:
    """Return the SD of the growth `ahead` (D, 1, 1) to the performance period, with what it is learned from."""
    text = (
        f"SD of the growth over {years} years that is not known at signing. {len(growths)} known years had "
        f"{np.expm1(growths.mean()):+.1%} (SD {growths.std(ddof=1):.1%}), of which noise {np.sqrt(noise):.1%}"
    )
    return _figure("growth", ahead.std() / ahead.mean(), text)


def diagnostics(fit: Fit, draws: Draws, checks: Sequence[Check]) -> pd.DataFrame:
    """Return what is known of the fit without the treated units' performance spending; of several units the worst."""
    point = fit.plug_in.points
    return tabulate([*checks, *_of_persons(fit), *_of_effect(fit, draws, point), *_of_placebos(fit, point)])


def _figure(name: str, figure: float, message: str) -> Check:
    return Check(name, "NOT EVALUATED", float(figure), message)


def _of_persons(fit: Fit) -> list[Check]:
    """Return R², calibration and the range of the predictions, and the share of persons without history."""
    block, treated = fit.window.performance, fit.problem.treated
    fold, regions = fit.folds
    donor = fit.problem.donor_units[block.unit]
    outside = donor & (fold[block.unit] == fold[treated[0]])
    risk = fit.risk
    money, weights, predicted = block.money[:, 0], block.weights[:, 0], risk * block.weights[:, 0]
    checks = [
        _figure(
            "training",
            len(np.unique(fold[fit.donors])),
            f"each unit is predicted from other {'regions' if regions else 'groups of practices'}; this many",
        )
    ]
    if outside.any():
        rate = money[outside].sum() / weights[outside].sum()
        spread = ((money[outside] - rate * weights[outside]) ** 2).sum()
        r2 = 1 - ((money - predicted)[outside] ** 2).sum() / spread if spread > 0 else np.nan
        text = f"R² of the first period's spending of {int(outside.sum()):,} persons who were not in the model"
        checks.append(_figure("R2 outside", r2, text))
    else:
        checks.append(Check.not_evaluated("R2 outside", "the unit's region has no other unit"))
    age = fit.problem.cohort.covariates.get("age")
    groups = {"risk": risk, "age": None if age is None else np.asarray(age, float)[block.rows]}
    for name, values in groups.items():
        if values is None:
            continue
        tenth = np.searchsorted(np.quantile(values[donor], np.linspace(0, 1, 11)[1:-1]), values[donor])
        spent, expected = (np.bincount(tenth, part[donor], 10) for part in (money, predicted))
        gap = np.abs(np.divide(spent - expected, expected, out=np.zeros(10), where=expected > 0)).max()
        text = f"largest relative difference of donors' spending and prediction over tenths of {name}"
        checks.append(_figure(f"calibration by {name}", gap, text))
    without, total = (
        np.bincount(block.unit, part, len(fit.window.sizes)) for part in (weights * block.joined, weights)
    )
    share, joined = float((without[treated] / total[treated]).max()), donor & block.joined
    text = f"{100 * share:.0f}% of the insured-years are of persons without spending data in the year before"
    if (foreseen := predicted[joined].sum()) > 0:
        text += f"; donors' such persons spent {100 * money[joined].sum() / foreseen:.0f}% of their prediction"
    status: Status = "WARN" if share > MAX_WITHOUT_HISTORY else "PASS"
    checks.append(Check("without history", status, share, text, limit=MAX_WITHOUT_HISTORY))
    mine = np.isin(block.unit, treated)
    beyond = predicted[mine & (risk > risk[donor].max())].sum() / predicted[mine].sum()
    checks.append(_figure("beyond donors", beyond, "share of predicted money of persons above all donors' predictions"))
    return checks


def _of_effect(fit: Fit, draws: Draws, point: Floats) -> list[Check]:
    """Return the response to the level, the effect of the unit with its standard error, and its prior."""
    unseen, response = fit.unseen, fit.response
    if not unseen.residuals.shape[1]:
        error = ", ".join(f"{100 * _mean_error(response.min(), 0.0, level):+.1f}% at {level:+.0%}" for level in LEVELS)
        text = f"no earlier block of the same season with a year of history: no effect of the unit. Mean error {error}"
        return [Check("level response", "WARN", float(response.min()), text), *_prior(fit, point)]
    added, variance = raised_variance(point, unseen)
    effect = point[0, 0] ** 2 + point[0, 3] ** 2 + added[0]
    kept = effect / (effect + variance[0])
    total = response + kept * (1 - response)
    worst = int(total.argmin())
    error = ", ".join(f"{100 * _mean_error(response[worst], kept[worst], at):+.1f}% at {at:+.0%}" for at in LEVELS)
    text = (
        f"response to a lasting level: {response[worst]:.2f} by persons, {kept[worst]:.2f} of the rest is kept. "
        f"Mean error of a unit above the others: {error}"
    )
    low = fit.level_response is not None and total[worst] < fit.level_response - 1e-3
    checks = [Check("level response", "WARN" if low else "PASS", float(total[worst]), text)]
    mean, sd = draws.effect.mean(axis=0), draws.effect.std(axis=0)
    learned = np.sqrt(point[0, 0] ** 2 + point[0, 3] ** 2 + point[0, 1] ** 2 + point[0, 4] ** 2)
    ratio = np.abs(mean) / np.sqrt(learned**2 + variance[0])
    most = int(ratio.argmax())
    text = (
        f"the unit's lasting effect is {100 * mean[most]:+.1f}% (SD {100 * sd[most]:.1f}%) of truncated spending, "
        f"{ratio[most]:.1f} SDs of such an estimate among donors"
    )
    status: Status = "WARN" if ratio[most] > MAX_GROUP_EFFECT else "PASS"
    return [
        *checks,
        Check("group effect", status, float(ratio[most]), text, limit=MAX_GROUP_EFFECT),
        *_prior(fit, point),
    ]


def _mean_error(response: float, kept: float, level: float) -> float:
    """Return the mean relative error of the benchmark of a unit whose lasting spending is `level` above the others."""
    return float((1 + level) ** ((1 - response) * (kept - 1)) - 1)


def _prior(fit: Fit, point: Floats) -> list[Check]:
    added, _ = raised_variance(point, fit.unseen)
    learned = float(np.hypot(point[0, 0], point[0, 3]))
    raised = float(np.sqrt(learned**2 + added[0].max()))
    shock = float(np.hypot(point[0, 1], point[0, 4]))
    text = f"SD of lasting effects among donors; that of a level_response of {fit.level_response} is {raised:.4f}"
    return [
        _figure("effect SD", learned, text),
        _figure("shock SD", shock, f"fraction of spending; persistence from year to year {point[0, 2]:.2f}"),
    ]


def _of_placebos(fit: Fit, point: Floats) -> list[Check]:
    """Return the donors' errors against their predicted SD, and their slope on the lasting level."""
    error, sd, learned, level = _placebos(fit, point)
    if len(error) < 3 or not np.ptp(level) > 0:
        return [Check.not_evaluated("placebo SD", "fewer than three donors have truncated spending in the block")]
    ratio = float(np.sqrt(np.mean((error / sd) ** 2)))
    slope, se = level_slope(error, level, 1 / sd**2)
    score = np.abs(error / sd)
    inside = " / ".join(f"{100 * np.mean(score < norm.ppf(0.5 + c / 2)):.0f}" for c in (0.8, 0.9, 0.95))
    tenths = [part for part in np.array_split(score[np.argsort(level)] < norm.ppf(0.95), 10) if len(part)]
    by_level = ", ".join(f"{100 * part.mean():.0f}" for part in tenths)
    text = (
        f"share of {len(error)} donors in 90% intervals; {inside}% in those of 80 / 90 / 95%; at 90% by tenth of level"
    )
    price = float(np.mean(sd / learned) - 1)
    return [
        _figure("placebo SD", ratio, f"SD of the errors of {len(error)} donors over the predicted SD"),
        _figure("placebo coverage", float(np.mean(np.concatenate(tenths))), f"{text}: {by_level}"),
        _figure(
            "price of the bound", price, "rise of the predicted SD by level_response, a fraction; mean over donors"
        ),
        _figure(
            "level slope", slope, f"of the donors' error (benchmark less spending) on the log of the level; SE {se:.3f}"
        ),
    ]
