"""The rule by which draws of a sampler are refused: R-hat, effective sample size, share of divergent transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ssinfer.kernels.adaptive_importance import MIN_ESS

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_R_HAT = 1.01  # Vehtari et al. 2021, doi 10.1214/20-BA1221, section 4
# A divergence is one step that the integrator could not follow. A few among thousands leave no mark on quantiles; many
# in one place mean that the sampler avoids it. 0.5% is the limit under which the Bayesian synthetic control passed
# simulation-based calibration (docs/bayesian_synthetic_control.md, 41 of 16,000 among them); R-hat and ESS still apply.
MAX_DIVERGENT_SHARE = 0.005


class ConvergenceFigure(NamedTuple):
    """One figure of convergence: its check, whether it passed, its value, its name and its limit."""

    check: str
    passed: bool
    figure: float
    message: str


def convergence_figures(
    r_hat: Mapping[str, float], ess: Mapping[str, float], divergent: int, transitions: int
) -> tuple[ConvergenceFigure, ...]:
    """Judge the draws of a sampler by their worst figures.

    Parameters
    ----------
    r_hat : mapping of str to float
        Rank-normalised split R-hat per quantity.
    ess : mapping of str to float
        Bulk effective sample size per quantity.
    divergent : int
        Number of divergent transitions after warm-up, over all chains.
    transitions : int
        Number of transitions after warm-up, over all chains.

    Returns
    -------
    tuple of ConvergenceFigure
        r_hat, effective_sample_size and divergences. NaN does not pass.

    Examples
    --------
    >>> figures = convergence_figures({"tau": 1.003}, {"tau": 350.0}, 1, 6000)
    >>> [(figure.check, figure.passed) for figure in figures]
    [('r_hat', True), ('effective_sample_size', False), ('divergences', True)]
    >>> convergence_failures(figures)
    ('effective_sample_size is 350 (smallest bulk ESS, of tau; at least 400)',)
    """
    # NaN, of chains that stand still, is the worst
    worst = max(r_hat, key=lambda name: (r_hat[name] != r_hat[name], r_hat[name]))
    least = min(ess, key=lambda name: (ess[name] == ess[name], ess[name]))
    allowed = MAX_DIVERGENT_SHARE * transitions
    return (
        ConvergenceFigure(
            "r_hat", r_hat[worst] <= MAX_R_HAT, r_hat[worst], f"largest R-hat, of {worst}; at most {MAX_R_HAT}"
        ),
        ConvergenceFigure(
            "effective_sample_size",
            ess[least] >= MIN_ESS,
            ess[least],
            f"smallest bulk ESS, of {least}; at least {MIN_ESS:.0f}",
        ),
        ConvergenceFigure(
            "divergences",
            divergent <= allowed,
            float(divergent),
            f"divergent transitions; at most {allowed:.0f}, {100 * MAX_DIVERGENT_SHARE:g}% of {transitions}",
        ),
    )


def convergence_failures(figures: tuple[ConvergenceFigure, ...]) -> tuple[str, ...]:
    """Return a sentence per figure that did not pass."""
    return tuple(f"{each.check} is {each.figure:.4g} ({each.message})" for each in figures if not each.passed)
