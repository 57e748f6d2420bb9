"""Counterfactual: the result of every benchmark method, with savings and intervals from its draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.arguments import Choice, Number, check_arguments, checked, float_array
from ssinfer.design import Design
from ssinfer.drawing import draw, frame_of
from ssinfer.errors import ConvergenceError, DataError, DrawsError, NotSupportedError, RefusalError
from ssinfer.later import LaterField, made
from ssinfer.level import check_level
from ssinfer.notebook import as_html
from ssinfer.periods import plain_label, read_periods
from ssinfer.savings import Savings, Uncertainty, money, refuse_rate
from ssinfer.typing import Booleans, Floats

DIMS = ("chain", "draw", "unit", "period")
DRAWS = ("benchmark", "expected", "confidence")
Information = Literal["signing", "settlement"]
_KIND = Choice(("benchmark", "credible", "confidence"))
RULES = {"uncertainty": Choice(get_args(Uncertainty)), "information": Choice(get_args(Information))}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Counterfactual:
    """Draws of the spending that would have been observed without the contract. Money is in EUR per insured-year.

    Attributes
    ----------
    method, design : name of the benchmark method; treated units, windows and comparison group
    benchmark : xarray.DataArray (chain, draw, unit, period)
        Predictive draws B of the treated units' mean spending in the performance periods. They are joint over units and
        periods, and each source of error enters once. NaN before a unit's own start.
    spending : xarray.DataArray (unit, period), observed spending Y; NaN where absent. No draw depends on it.
    insured_years : xarray.DataArray (unit, period), weights; 1 where the panel has none, 0 before a unit's own start
    uncertainty : "posterior", "sampling" or "none": draws of a posterior, a sampling distribution, or a single point
    information : "signing", or "settlement" if the benchmark uses the controls' data of the performance period
    expected : xarray.DataArray, optional; the draws without group shock and sampling noise, for plots only
    confidence : xarray.DataArray, optional; draws of a sampling distribution of the same quantity, shaped alike
    fitted : xarray.DataArray (unit, baseline period), optional
        Point values of the benchmark in the unmasked baseline periods, by the formula of the performance periods; NaN
        where a method has none. They depend on no spending of the treated units in the performance periods.
    observed_baseline : xarray.DataArray (unit, baseline period), optional; observed spending, aligned with `fitted`
    weights : pandas.DataFrame, optional; donor weights, one row per treated unit, one column per donor
    solver : pandas.DataFrame, optional; how the weights were found (columns: `ssinfer.benchmarks.frames`, as the next)
    components : pandas.DataFrame, optional; variance of the error by source, a fraction of the squared benchmark
    diagnostics : pandas.DataFrame, optional; one row per check, as :func:`ssinfer.check.tabulate` returns
    failures : tuple of str, failed diagnostics; if there are any, thresholds and intervals are refused
    inference : mapping of str to xarray.Dataset, further groups for :meth:`to_datatree`, such as posterior
    """

    method: str
    design: Design
    benchmark: LaterField[xr.DataArray] = LaterField()
    spending: LaterField[xr.DataArray] = LaterField()
    insured_years: LaterField[xr.DataArray] = LaterField()
    uncertainty: Uncertainty
    information: Information = "settlement"
    expected: LaterField[xr.DataArray | None] = LaterField(None)
    confidence: LaterField[xr.DataArray | None] = LaterField(None)
    fitted: LaterField[xr.DataArray | None] = LaterField(None)
    observed_baseline: LaterField[xr.DataArray | None] = LaterField(None)
    weights: LaterField[pd.DataFrame | None] = LaterField(None)
    solver: LaterField[pd.DataFrame | None] = LaterField(None)
    components: LaterField[pd.DataFrame | None] = LaterField(None)
    diagnostics: LaterField[pd.DataFrame | None] = LaterField(None)
    failures: tuple[str, ...] = ()
    inference: Mapping[str, xr.Dataset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_arguments("Counterfactual", RULES, vars(self))
        for name in ("benchmark", "expected", "confidence", "fitted", "observed_baseline"):
            draws, dims = vars(self)[name], DIMS if name in DRAWS else DIMS[2:]
            if isinstance(draws, xr.DataArray) and draws.dims != dims:
                raise DataError(f"{name} has dimensions {draws.dims}; {dims} are needed.")
        for name in ("benchmark", "spending", "insured_years", "confidence"):
            axes = DIMS if name in DRAWS else DIMS[2:]
            given, values = vars(self)[name], self.values(name)
            numeric = isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == len(axes)
            if not (numeric or (given is None and name == "confidence")) or isinstance(given, pd.DataFrame):
                kind = type(given).__name__
                raise DataError(f"{name} is of type {kind}; a DataArray of numbers over {axes} is needed.")
        benchmark, confidence = self.values("benchmark"), self.values("confidence")
        if self.values("spending").shape != benchmark.shape[2:]:
            needed = f"the benchmark has {benchmark.shape[2:]} units and periods"
            raise DataError(f"spending has shape {self.spending.shape}, but {needed}.")
        for draws in (benchmark,) if confidence is benchmark else (benchmark, confidence):
            if draws is not None and not np.isfinite(draws[:, :, self._cells]).all():
                message = f"{self.method} gave draws that are not finite. Report it: a method must refuse instead."
                raise DrawsError(message, "finite")
        if self.uncertainty != "none" and benchmark.shape[0] * benchmark.shape[1] < 2:
            message = f"{self.method} claims uncertainty {self.uncertainty!r} with a single draw."
            raise DrawsError(message, "uncertainty")

    @classmethod
    @checked(spending=Number(missing=True), insured_years=Number(0, open=True, missing=True))
    def from_draws(
        cls,
        benchmark: Floats,
        uncertainty: Uncertainty,
        spending: float = float("nan"),
        insured_years: float = 1.0,
        confidence: Floats | None = None,
    ) -> "Counterfactual":
        """Return the counterfactual of one unit in one period from draws that were made elsewhere.

        Parameters
        ----------
        benchmark : array (draw,), predictive draws in EUR per insured-year
        uncertainty : "posterior", "sampling" or "none", as in the attribute
        spending, insured_years : float, of the unit in the performance period; spending in EUR per insured-year
        confidence : array (draw,), optional; a sampling distribution of the benchmark, in EUR per insured-year

        Examples
        --------
        >>> import numpy as np
        >>> Counterfactual.from_draws(np.array([99.0, 101.0]), "sampling", spending=95.0).savings()
        Savings: 5.00 per insured-year (5.00% of the benchmark), SD 1.00 (sampling)
        """
        labels = {"unit": ["unit"], "period": ["performance"]}

        def array(draws: Floats) -> xr.DataArray:
            values = float_array(draws, "draws", DataError).reshape(1, -1, 1, 1)
            return xr.DataArray(values, coords={"chain": [0], "draw": np.arange(values.shape[1]), **labels}, dims=DIMS)

        return cls(
            method="draws",
            design=Design(treated=["unit"], baseline=["baseline"], performance=["performance"]),
            benchmark=array(benchmark),
            confidence=None if confidence is None else array(confidence),
            spending=xr.DataArray([[spending]], coords=labels, dims=DIMS[2:]),
            insured_years=xr.DataArray([[insured_years]], labels, DIMS[2:], attrs={"periods_per_year": 1}),
            uncertainty=uncertainty,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def values(self, name: str) -> Any:
        """Return the array of a labelled field without making its labels; None where the field is None."""
        return made(getattr(vars(self)[name], "values", None))

    @property
    def _cells(self) -> Booleans:
        """Performance cells (unit, period): those with a weight in the pooled saving."""
        return np.asarray(self.values("insured_years") > 0)

    def draws(self, kind: str = "benchmark") -> xr.DataArray:
        """Return draws of one kind, or refuse.

        "benchmark" returns the draws whatever they are. "credible" is refused unless `uncertainty` is "posterior".
        "confidence" returns `confidence`, or `benchmark` if its draws are a sampling distribution, and is refused if
        `uncertainty` is "none". ConvergenceError: a diagnostic failed. NotSupportedError: there are no such draws.
        """
        return getattr(self, self.field_of(kind))  # type: ignore[no-any-return]

    def field_of(self, kind: str) -> str:
        """Return the name of the field that holds the draws of a kind, or refuse as :meth:`draws` does."""
        check_arguments("Counterfactual", {"kind": _KIND}, {"kind": kind})
        if kind == "benchmark":
            return kind
        self.require_dependable(f"{kind} threshold or interval")
        if kind == "credible":
            if self.uncertainty != "posterior":
                raise NotSupportedError(
                    "A credible interval or threshold",
                    f"{self.method}, whose uncertainty is {self.uncertainty!r}, not 'posterior'",
                    "Use kind='confidence', or a Bayesian method.",
                )
            return "benchmark"
        if vars(self)[kind] is not None and self.uncertainty != "none":
            return kind
        if self.uncertainty == "sampling":
            return "benchmark"
        raise NotSupportedError(
            "A confidence interval or threshold",
            f"{self.method}, which gives no sampling distribution (uncertainty {self.uncertainty!r})",
            "Use kind='credible', or calibrate on placebos.",
        )

    def require_dependable(self, subject: str) -> None:
        """Refuse a threshold or interval, named by `subject`, if a diagnostic failed."""
        if self.failures:
            sampled = self.uncertainty != "none"
            raise (ConvergenceError if sampled else RefusalError)(
                f"No {subject} from {self.method}: {'; '.join(self.failures)}. "
                + ("Draw longer, simplify the model, or look at cf.diagnostics." if sampled else "See cf.diagnostics.")
            )

    def pooled(self, kind: str = "benchmark") -> Floats:
        """Return the pooled benchmark per draw: sum n B / sum n over units and performance periods."""
        draws, cells = self.values(self.field_of(kind)), self._cells
        sizes = self.values("insured_years")[cells]
        flat = draws.reshape(-1, *draws.shape[2:])[:, cells]
        return np.asarray(flat @ (sizes / sizes.sum()))

    @property
    def pooled_spending(self) -> float:
        """Observed spending pooled like the benchmark, in EUR per insured-year; NaN where the panel lacks it."""
        sizes = self.values("insured_years")[self._cells]
        return float(self.values("spending")[self._cells] @ (sizes / sizes.sum()))

    def null_error(self, kind: str = "benchmark") -> Floats:
        """Return draws of E0 = Bbar - B: the measured pooled saving when the true saving is zero."""
        pooled = self.pooled(kind)
        return np.asarray(pooled.mean() - pooled)

    @property
    def level(self) -> float:
        """Mean benchmark Bbar of the pooled draws, in EUR per insured-year; refused unless positive."""
        refuse_rate(mean := float(self.pooled().mean()), "over all units and periods")
        return mean

    def interval(self, level: float = 0.95, kind: str = "credible") -> pd.DataFrame:
        """Return equal-tailed predictive intervals of the benchmark, with the share `level` of the draws of a kind.

        The frame has columns unit, period, mean, lower, upper, in EUR per insured-year. The last row is "pooled".
        """
        level = check_level(level)
        draws = self.draws(kind)
        tails = [(1 - level) / 2, (1 + level) / 2]
        lower, upper = draws.quantile(tails, dim=("chain", "draw"), skipna=False).values
        mean = draws.mean(dim=("chain", "draw"), skipna=False).values
        pooled = self.pooled(kind)
        units, periods = draws["unit"].values, draws["period"].values
        rows = [
            (units[i], periods[t], mean[i, t], lower[i, t], upper[i, t]) for i, t in np.argwhere(self._cells).tolist()
        ]
        rows.append(("pooled", "pooled", pooled.mean(), *np.quantile(pooled, tails)))
        return pd.DataFrame(rows, columns=["unit", "period", "mean", "lower", "upper"])

    def savings(self) -> Savings:
        """Return benchmark minus observed spending, draw by draw; DataError if the panel lacks that spending."""
        self.require_spending()
        return Savings(self.benchmark, self.spending, self.insured_years, self.uncertainty)

    def require_spending(self) -> None:
        """Refuse if the panel lacks the treated units' performance spending."""
        absent = self._cells & ~np.isfinite(self.values("spending"))
        if absent.any():
            i, t = np.argwhere(absent)[0]
            unit, period = self.benchmark["unit"].values.tolist()[i], self.benchmark["period"].values.tolist()[t]
            raise DataError(
                f"The panel has no spending of {unit!r} in {period!r} ({int(absent.sum())} such cells), so there is no "
                "saving yet. Thresholds can be derived now; add the spending to measure savings."
            )

    @property
    def assigned(self) -> float:
        """Assigned persons, as a schedule counts them; NaN without insured-years, or without a calendar.

        They are the insured-years per period, averaged over the periods, times the number of periods per year.
        """
        sizes = self.values("insured_years")
        if not self._sizes_known:
            return float("nan")
        per_period = sizes.sum(axis=0)
        return float(per_period[per_period > 0].mean() * self._per_year)

    @property
    def _sizes_known(self) -> bool:
        """Whether insured-years are known: without them every cell weighs 1, or 0 if it is left out."""
        return not np.isin(self.values("insured_years"), (0.0, 1.0)).all()

    @property
    def _per_year(self) -> float:
        """Periods per year: as the panel has them, otherwise as the design's labels read; NaN if unknown."""
        known = vars(self)["insured_years"].attrs.get("periods_per_year")
        if known is None:
            try:
                known = read_periods(dict.fromkeys((*self.design.baseline, *self.design.performance))).per_year
            except DataError:
                known = None
        return float("nan") if known is None else float(known)

    def path(self) -> Floats:
        """Return observed spending and the point benchmark (2, unit, baseline and performance period)."""
        baseline = np.stack([self.values("observed_baseline"), self.values("fitted")])
        performance = np.stack([self.values("spending"), self.values("benchmark").mean(axis=(0, 1))])
        return np.concatenate([baseline, performance], axis=2)

    def to_datatree(self) -> xr.DataTree:
        """Return an xarray DataTree in ArviZ's schema (posterior_predictive, observed_data, constant_data, others)."""
        groups: dict[str, xr.Dataset] = {"posterior_predictive": self.benchmark.to_dataset(name="benchmark")}
        if self.confidence is not None:
            groups["sampling_distribution"] = self.confidence.to_dataset(name="benchmark")
        groups["observed_data"] = self.spending.to_dataset(name="spending")
        groups["constant_data"] = self.insured_years.to_dataset(name="insured_years")
        if self.expected is not None and self.expected.size == self.spending.size < self.benchmark.size:
            groups["constant_data"]["expected"] = self.expected[0, 0].drop_vars(("chain", "draw"))
        elif self.expected is not None:
            groups["posterior_predictive"]["expected"] = self.expected
        for name, group in self.inference.items():
            groups[name] = group.merge(groups[name]) if name in groups else group
        tree = xr.DataTree.from_dict({name: _with_plain_periods(group) for name, group in groups.items()})
        tree.attrs.update(method=self.method, uncertainty=self.uncertainty, information=self.information)
        tree.attrs["design"] = repr(self.design)
        return tree

    def plot(self, *, currency: str = "EUR", ax: Any = None) -> Any:
        """Draw observed spending, the benchmark with its 95% interval, and the saving; return a matplotlib Figure.

        Units are pooled. In the baseline they weigh as in the performance periods. Without spending of the performance
        periods (sealed) the benchmark is drawn alone; of a point estimate there is no interval.

        Parameters
        ----------
        currency : str, for labels only
        ax : matplotlib Axes, Figure or SubFigure to draw into and return; None: a new Figure

        Examples
        --------
        >>> import ssinfer as ss
        >>> panel = ss.simulation.simulate_panel(12, range(2014, 2019), start=2018, covid=False, seed=1).panel
        >>> design = ss.Design(treated=["treated"], baseline=range(2014, 2018), performance=[2018])
        >>> cf = ss.AdministrativeBenchmark(n_draws=400).fit(panel, design, seed=1)
        >>> cf.plot().axes[0].get_xlabel()
        'Period'
        """
        return draw("case", frame_of("case", self, currency=currency), ax)

    def plot_weights(self, *, ax: Any = None) -> Any:
        """Draw the largest donor weights, in `ax` as of :meth:`plot`; refused if the method weighs no donors."""
        return draw("donor_weights", frame_of("donor_weights", self), ax)

    def plot_diagnostics(self, *, ax: Any = None) -> Any:
        """Draw each check of `diagnostics` against its limit, in `ax` as of :meth:`plot`; refused without checks."""
        return draw("checks", frame_of("checks", self), ax)

    def plot_balance(self, *, ax: Any = None) -> Any:
        """Draw the balance of matched persons (love plot), in `ax` as of :meth:`plot`; refused for other methods."""
        return draw("balance", frame_of("balance", self), ax)

    def __repr__(self) -> str:
        chains, draws, units, periods = self.benchmark.shape
        pooled = self.pooled()
        return (
            f"Counterfactual by {self.method}: {chains} x {draws} draws ({self.uncertainty}, {self.information}), "
            f"{units} {'unit' if units == 1 else 'units'} x {periods} {'period' if periods == 1 else 'periods'}, "
            f"pooled benchmark {money(pooled.mean())} (SD {money(pooled.std())}) per insured-year"
        )

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Estimate, SD of the draws and 95% interval for the package maketables; no p-value, as thresholds decide."""
        draws, spent = self.pooled(), self.pooled_spending
        shown = {"Benchmark": draws}
        if np.isfinite(spent):
            shown |= {"Saving": draws - spent, "Savings rate": (draws - spent) / self.level}
        rows = {name: [each.mean(), each.std(), *np.quantile(each, [0.025, 0.975])] for name, each in shown.items()}
        table = pd.DataFrame(rows, ["b", "se", "ci95l", "ci95u"]).T.assign(t=np.nan, p=np.nan)
        if self.uncertainty == "none" or self.failures:
            table[["se", "ci95l", "ci95u"]] = np.nan
        return table

    def __maketables_stat__(self, key: str) -> Any:
        """Return a row below the table of maketables: N (insured-years), units, periods, method or uncertainty."""
        sizes = self.values("insured_years")
        years = round(float(sizes.sum())) if self._sizes_known else None
        known = {"N": years, "units": sizes.shape[0], "periods": sizes.shape[1]}
        return known.get(key, vars(self)[key] if key in ("method", "uncertainty") else None)

    __maketables_depvar__ = "Spending per insured-year"
    __maketables_stat_labels__ = MappingProxyType({"N": "Insured-years", "units": "Units", "uncertainty": "Draws"})
    __maketables_default_stat_keys__ = ["N", "units", "uncertainty"]  # noqa: RUF012  (maketables asks for a list)

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        measured = {} if np.isnan(self.pooled_spending) else self.savings().facts()
        checks = (
            "none"
            if self.diagnostics is None
            else ", ".join(f"{n} {status}" for status, n in self.diagnostics["status"].value_counts().items())
        )
        if self.failures and measured:
            measured["95% interval"] = "refused, because a check failed"
        own = {"method": self.method, "design": repr(self.design)[8:], "checks": checks}
        return own | {"benchmark": money(self.pooled().mean())} | measured

    _repr_html_ = as_html


def _with_plain_periods(group: xr.Dataset) -> xr.Dataset:
    """Return a group whose period labels files can hold: dates and pandas Periods become text."""
    if "period" not in group.coords or group["period"].dtype.kind not in "OM":
        return group
    labels = np.array([plain_label(label) for label in group["period"].values], dtype=object)
    return group.assign_coords(period=labels)


def path_frame(units: Sequence[str], cf: Counterfactual, path: Any) -> pd.DataFrame:
    """Return unit, period, phase, observed and benchmark of a path (2, unit, period) with the periods of `cf`."""
    before, after = ([] if part is None else part["period"].values.tolist() for part in (cf.fitted, cf.spending))
    cells = pd.MultiIndex.from_product([units, [*before, *after]], names=["unit", "period"]).to_frame(index=False)
    phase = np.tile(["baseline"] * len(before) + ["performance"] * len(after), len(units))
    return cells.assign(phase=phase, observed=path[0].ravel(), benchmark=path[1].ravel())
