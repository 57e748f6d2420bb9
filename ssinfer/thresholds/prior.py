"""Priors on the true savings rate: flat, sceptical, and from published programmes."""

from dataclasses import dataclass
from math import erf, isfinite, sqrt

from ssinfer.arguments import Number, checked
from ssinfer.errors import ParameterError

#: Names of the priors; all but the first are proper.
PRIORS = ("flat", "sceptical", "literature")


@checked(sd=Number(0, open=True, infinite=True))
@dataclass(frozen=True)
class Prior:
    """Normal prior N(mean, sd^2) on the true savings rate d / Bbar in the performance period; flat if sd is infinite.

    `mean` and `sd` are fractions of the benchmark.

    >>> Prior.literature()
    Prior('literature', N(2.0%, 3.0%), P(saving <= 0) = 25%)
    """

    name: str
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if abs(self.mean) > 1 or (isfinite(self.sd) and self.sd > 1):
            raise ParameterError(
                f"Prior {self.name!r} has mean {self.mean} and SD {self.sd}, which look like percentages. Write rates "
                "as fractions: 0.02 for 2%."
            )
        if self.probability_not_positive < 1e-6:
            raise ParameterError(
                f"Prior {self.name!r} gives a saving of zero or less a probability of "
                f"{self.probability_not_positive:.1g}: it would pay always. Give it support below zero."
            )

    @classmethod
    def flat(cls) -> "Prior":
        """Return the flat prior: every saving or loss is equally likely."""
        return cls("flat", 0.0, float("inf"))

    @classmethod
    def sceptical(cls, sd: float = 0.02) -> "Prior":
        """Return N(0, sd^2): savings are as likely as losses, and large ones of either are rare."""
        return cls("sceptical", 0.0, sd)

    @classmethod
    def literature(cls, mean: float = 0.02, sd: float = 0.03) -> "Prior":
        """Return a prior on the savings rate of a performance year, after published programmes.

        Reported effects lie between about 0 and 5% of spending in a performance year (growth lower by 1 to 10% over
        a programme), and nearer zero in the better studies. With mean 2% and SD 3%, P(saving <= 0) is a quarter.
        """
        return cls("literature", mean, sd)

    @property
    def probability_not_positive(self) -> float:
        """P(true saving <= 0) under the prior; one half if flat."""
        if not isfinite(self.sd):
            return 0.5
        return 0.5 * (1.0 + erf(-self.mean / (self.sd * sqrt(2.0))))

    @property
    def words(self) -> str:
        """The prior in words, as thresholds show it."""
        return repr(self)[6:-1].replace("'", "")

    def __repr__(self) -> str:
        if not isfinite(self.sd):
            return f"Prior({self.name!r})"
        chance = f"P(saving <= 0) = {100 * self.probability_not_positive:.0f}%"
        return f"Prior({self.name!r}, N({100 * self.mean:.1f}%, {100 * self.sd:.1f}%), {chance})"


def find_prior(prior: Prior | str | None) -> Prior:
    """Return a normal prior by name, or as given; None is flat."""
    if isinstance(prior, Prior):
        return prior
    named = {"None": Prior.flat, "flat": Prior.flat, "sceptical": Prior.sceptical, "literature": Prior.literature}
    if str(prior) not in named:
        raise ParameterError(
            f"prior is {prior!r}; allowed: 'flat', 'sceptical', 'literature', or a Prior(name, mean, sd), which is "
            "normal. A prior with only positive support would pay always; give the mean and SD of yours."
        )
    return named[str(prior)]()
