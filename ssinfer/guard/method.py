"""GuardedMethod: a method of another package as studies, `ssinfer benchmark` and backtests call it."""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.check import Check, tabulate
from ssinfer.errors import PluginError, SsinferError
from ssinfer.guard.facts import visible, with_facts
from ssinfer.guard.isolation import fit_apart
from ssinfer.guard.process import fit_in_process
from ssinfer.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design

DEFAULT_TIME_LIMIT = 600.0  # seconds per fit
ISOLATION = "isolation"  # name of the check that tells what a fit changed around itself


def guarded(method: Any, time_limit: float | None = None) -> Any:
    """Return a method of ssinfer as it is, and any other in a GuardedMethod."""
    kind = type(method)
    ours = kind.__module__.partition(".")[0] == "ssinfer"
    if ours and getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind:
        return method
    return GuardedMethod(method, time_limit)


class GuardedMethod:
    """A method of another package. Its fits see nothing that they predict, and the facts of its results are ours.

    Each fit gets a copy of the method and its own copy of the data. It has its own process if `time_limit` (seconds
    per fit) is given.
    """

    def __init__(self, method: Any, time_limit: float | None = None) -> None:
        self.method = method
        self.time_limit = time_limit
        self._panel: tuple[Any, Panel] | None = None  # of the last cohort

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_panel": None}

    def __repr__(self) -> str:
        return repr(self.method)

    @property
    def name(self) -> str:
        """Name of the method's class."""
        return type(self.method).__name__

    @property
    def needs(self) -> str:
        """The data that the method needs: "panel" or "cohort"."""
        return str(getattr(self.method, "needs", "panel"))

    @property
    def offered(self) -> Any:
        """The capabilities that the method declares, or None."""
        return getattr(self.method, "offered", getattr(self.method, "capabilities", None))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the method's parameters."""
        return dict(self.method.get_params(deep=deep))

    def check_parameters(self) -> None:
        """Let the method refuse impossible parameters, if it can."""
        try:
            getattr(self.method, "check_parameters", bool)()
        except SsinferError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self.name}: check_parameters failed: {type(error).__name__}: {error}") from error

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Return the checked result of one fit; PluginError, RefusalError or DrawsError if it cannot be used.

        A result that claims the information "signing" comes from a fit that saw no performance period of any unit.
        """
        if self._panel is None or self._panel[0] is not data:
            self._panel = (data, data if isinstance(data, Panel) else data.to_panel())
        panel = self._panel[1]
        design = design.on(panel)
        information = getattr(self.method, "information", "settlement")
        result = self._fit(data, panel, design, seed, information)
        if result.information == "signing" != information:
            result = self._fit(data, panel, design, seed, "signing")
        return result

    def _fit(self, data: Any, panel: Panel, design: Design, seed: Any, information: str) -> Counterfactual:
        request = (self.method, visible(data, design, information), design, seed)
        if self.time_limit is None:
            cf, changed = fit_apart(*copy.deepcopy(request))
        else:
            cf, changed = fit_in_process(request, self.time_limit)
        try:
            result = with_facts(cf, self.name, panel, design)
        except SsinferError:
            raise
        except Exception as error:
            raise PluginError(f"{self.name} gave a damaged result: {type(error).__name__}: {error}") from error
        if not changed:
            return result
        note = Check(ISOLATION, "WARN", len(changed), f"the fit changed {', '.join(changed)}; no other fit saw it")
        return replace(result, diagnostics=pd.concat([result.diagnostics, tabulate([note])], ignore_index=True))

    def fit_many(self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]) -> list[Any]:
        """Return a Counterfactual or an error per design. Each is fitted alone, because each hides other cells."""
        results: list[Any] = []
        for design, seed in zip(designs, seeds, strict=True):
            try:
                results.append(self.fit(data, design, seed=seed))
            except SsinferError as error:
                results.append(error)
        return results
