"""Settlement: one line per party, which sum to zero to the cent, and the reason of each step."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.contracts.arithmetic import Codes, Outcome
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.explain import outcome_of, outcome_words, steps_of
from ssinfer.contracts.inputs import Inputs
from ssinfer.errors import SettlementError
from ssinfer.finding import Finding
from ssinfer.notebook import as_html
from ssinfer.sentences import sentence
from ssinfer.typing import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Settlement:
    """Result of `settle`: one settlement, or one per element of the arrays given.

    Attributes
    ----------
    contract, inputs : the contract, and the validated inputs
    saving : measured saving in total money, direct savings included
    less, direct : amount subtracted before sharing, and the direct part of the saving, in total money
    threshold, loss_threshold : savings threshold and loss threshold, fractions
    source : where the threshold comes from
    share, loss_share : shares of savings and of losses, quality included, fractions
    savings_cap, loss_cap : caps in total money
    raw : payment before relief and reduction by law
    code : reason of the payment (`ssinfer.contracts.arithmetic.Outcome`)
    cents : payment received per party in whole cents, the payer first; negative if paid; they sum to zero exactly
    passes : with draws, the share of draws that would be paid if the draw were the benchmark
    """

    contract: Contract
    inputs: Inputs
    saving: Floats
    less: Floats
    direct: Floats
    threshold: Floats
    source: Finding
    loss_threshold: Floats
    share: Floats
    loss_share: Floats
    savings_cap: Floats
    loss_cap: Floats
    raw: Floats
    code: Codes
    cents: dict[str, Integers]
    passes: Floats | None

    @property
    def rate(self) -> Any:
        """Measured savings rate, saving / benchmark, as a fraction."""
        return _plain(self.saving / (self.inputs.benchmark * self.inputs.insured_years))

    @property
    def lines(self) -> dict[str, Any]:
        """Money received per party (negative: paid), rounded to the cent; see `cents` for the exact integers."""
        return {party: _plain(cents / 100.0) for party, cents in self.cents.items()}

    @property
    def payment(self) -> Any:
        """Money from the payer to the providers' side; negative when the providers owe."""
        return _plain(-self.cents[self.contract.payer] / 100.0)

    @property
    def shares(self) -> dict[str, Any]:
        """Part of the measured saving that each party keeps; the parts sum to the saving, rounded to the cent."""
        saving = np.rint(self.saving * 100.0).astype(np.int64)
        kept = _plain((saving + self.cents[self.contract.payer]) / 100.0)
        return {**self.lines, self.contract.payer: kept}

    @property
    def threshold_source(self) -> str:
        """Where the threshold comes from, in words."""
        return sentence(self.source)

    @property
    def paid(self) -> Any:
        """Whether the providers are paid anything."""
        return _plain(self.cents[self.contract.payer] < 0)

    @property
    def due(self) -> Any:
        r"""Payment due for the true saving d, :math:`f d^+ - l (-d)^+` in total, one per draw or element.

        It has no threshold, cap or deduction.
        """
        given = self.inputs
        if given.true_saving is not None:
            truth = given.true_saving
        elif given.draws is not None:
            truth = given.draws - given.spending
        else:
            raise SettlementError("The true saving is not known: give `true_saving`, or draws of the benchmark.")
        total = truth * given.insured_years
        return _plain(self.share * np.maximum(total, 0.0) - self.loss_share * np.maximum(-total, 0.0))

    @property
    def probability_of_payment(self) -> Any:
        """Share of draws that would be paid as benchmark; with arrays, the share of settlements with a payment."""
        if self.passes is not None:
            return _plain(self.passes)
        return float(np.mean(self.cents[self.contract.payer] < 0))

    @property
    def probability_of_owing(self) -> Any:
        """Share of settlements in which the providers owe."""
        return float(np.mean(self.cents[self.contract.payer] > 0))

    @property
    def expected_overpayment(self) -> Any:
        """Expectation of (payment - due)+ over the draws, or over the elements, in total money."""
        return self._expected(1.0)

    @property
    def expected_underpayment(self) -> Any:
        """Expectation of (due - payment)+ over the draws, or over the elements, in total money."""
        return self._expected(-1.0)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a single settlement, one sentence per step; for arrays see `explain`."""
        return steps_of(self.contract, self._only())

    @property
    def reason(self) -> str:
        """The deciding step of a single settlement, as a sentence."""
        return outcome_words(self.outcome, self.contract.currency)

    @property
    def outcome(self) -> dict[str, Any]:
        """The deciding step of a single settlement: its id as ``reason``, and the numbers of its sentence."""
        return outcome_of(self.contract, self._only())

    def explain(self, index: int | tuple[int, ...] = ()) -> tuple[str, ...]:
        """Return the steps of the settlement at `index`, one sentence per step."""
        at = index if isinstance(index, tuple) else (index,)
        shape = self.saving.shape
        if len(at) != len(shape) or not all(part in range(-size, size) for part, size in zip(at, shape, strict=True)):
            raise SettlementError(f"index {index!r} does not fit settlements of shape {shape}.")
        return steps_of(self.contract, self._figures(at))

    def to_dict(self) -> dict[str, Any]:
        """Return a single settlement as plain values, ready for JSON."""
        self._only()
        known = self.inputs.true_saving is not None or self.inputs.draws is not None
        return {
            "contract": self.contract.name,
            "rule_year": self.contract.rule_year,
            "currency": self.contract.currency,
            **{name: float(getattr(self.inputs, name)) for name in ("benchmark", "spending", "insured_years")},
            "saving": round(float(self.saving), 2),
            "savings_rate": float(self.rate),
            "threshold": float(self.threshold),
            **{name: getattr(self, name) for name in ("payment", "lines", "shares", "reason")},
            "steps": list(self.steps),
            "probability_of_payment": float(self.probability_of_payment),
            "expected_overpayment": self.expected_overpayment if known else None,
            "expected_underpayment": self.expected_underpayment if known else None,
            "assumed": list(self.contract.assumed),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per settlement and party: index, party, payment, share of the saving."""
        import pandas as pd  # noqa: PLC0415  (a settlement on numbers needs no pandas)

        lines, shares = self.lines, self.shares
        columns = {
            "settlement": np.repeat(np.arange(self.saving.size), len(lines)),
            "party": [*lines] * self.saving.size,
            "payment": np.column_stack([np.ravel(line) for line in lines.values()]).ravel(),
            "share_of_saving": np.column_stack([np.ravel(shares[party]) for party in lines]).ravel(),
        }
        return pd.DataFrame(columns)

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label: what each party receives, and why."""
        name, n = f"{self.contract.name} ({self.contract.rule_year})", self.saving.size
        if n != 1:
            return {"contract": name, "settlements": n}
        paid = {party: f"{self.contract.currency} {amount:,.2f}" for party, amount in self.lines.items()}
        rates = {"savings rate": self.rate, "threshold": float(self.threshold)}
        return {
            "contract": name,
            **{key: f"{100 * rate:.2f}%" for key, rate in rates.items()},
            **paid,
            "reason": self.reason,
        }

    _repr_html_ = as_html

    def __str__(self) -> str:
        if self.saving.ndim:
            return f"{self.saving.size} settlements under {self.contract.name} ({self.contract.rule_year})"
        return "\n".join(self.steps)

    def _only(self) -> SimpleNamespace:
        if self.saving.size != 1:
            raise SettlementError(f"There are {self.saving.size} settlements: explain(index) has the steps of one.")
        return self._figures((0,) * self.saving.ndim)

    def _figures(self, at: tuple[int, ...]) -> SimpleNamespace:
        """Return the numbers that explain the settlement at an index."""
        given = {name: value for name, value in vars(self.inputs).items() if name != "draws"}
        values = {**given, **vars(self), "rate": np.asarray(self.rate)}
        numbers = {name: v[at].item() if isinstance(v, np.ndarray) else v for name, v in values.items()}
        lines = {party: float(cents[at]) / 100.0 for party, cents in self.cents.items()}
        return SimpleNamespace(**numbers, lines=lines, outcome=Outcome(numbers["code"]))

    def _expected(self, sign: float) -> Any:
        paid = -self.cents[self.contract.payer] / 100.0
        wrong = np.maximum(sign * (paid - self.due), 0.0)
        by_draw = self.inputs.draws is not None and self.inputs.true_saving is None
        return _plain(np.mean(wrong, axis=0)) if by_draw else float(np.mean(wrong))


def _plain(values: Any) -> Any:
    """Return a Python number for a single value, the array otherwise."""
    array = np.asarray(values)
    return array.item() if array.ndim == 0 else array
