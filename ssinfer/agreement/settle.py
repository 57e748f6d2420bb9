"""Settling: the run that settles on an agreement; it is refused with each difference named."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ssinfer._version import __version__
from ssinfer.agreement.agreement import Agreement, install, plain
from ssinfer.agreement.signed_terms import parameters_of, settings_of, settles_of, terms_of, units_of, with_groups
from ssinfer.agreement.signed_threshold import table_scale
from ssinfer.backtesting.frames import rows_with
from ssinfer.contracts.contract import Contract, shipped_contracts
from ssinfer.errors import StudyError, raised_as
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_claims import GroupsConfig
from ssinfer.study.look import Look
from ssinfer.study.plan import Plan, make_methods, make_plan
from ssinfer.study.result import StudyResult
from ssinfer.study.sharing import contract_of
from ssinfer.study.signed import Signed
from ssinfer.study.verdict import deciding_rates
from ssinfer.thresholds.kind import CONTRACT

EXTRACTED = "extracted"  # of a delivery of claims
MAX_NAMED = 6  # differences in one message


class Settling:
    """A run on an agreement: `plan` before the fits, and `finish` after them.

    Parameters
    ----------
    agreement : the signed terms
    data : keys of the table [data] that name the delivery, such as {"file": "claims"}, and `extracted`, the day of its
        extraction, of which the run-out is reckoned: a provisional and a final delivery have the same terms
    study : study file to compare with the agreement; None: the study is that of the agreement
    reason : of an amendment, which allows differences; None: they are refused
    """

    def __init__(
        self, agreement: Agreement, data: Mapping[str, str], study: Path | None = None, reason: str | None = None
    ) -> None:
        if reason is not None and not reason.strip():
            raise StudyError("--amend is empty. Give the reason of the amendment: both parties will read it.")
        self.agreement, self.reason, self.differences = agreement, reason, list[str]()
        self.threshold = dict(agreement.document["threshold"])  # that of the amended agreement
        self.folder, signed = Path() if study is None else study.parent, agreement.document["study"]
        given = signed if study is None else plain(read_study(study).model_dump(mode="json", exclude_unset=True))
        config = self._read(
            {**given, "data": {**given["data"], **{key: data[key] for key in data.keys() - {EXTRACTED}}}}
        )
        groups = signed["case"].get("groups", {})
        own = config.case.groups
        config = with_groups(config, GroupsConfig(**groups)) if own is None or own.size is None else config
        if EXTRACTED in data:
            with raised_as(StudyError, f"--data {EXTRACTED}:", ValueError):
                config = config.with_run_outs(extracted=dt.date.fromisoformat(data[EXTRACTED]))
        self.config = config

    def _read(self, document: Mapping[str, Any]) -> StudyConfig:
        try:
            return StudyConfig.model_validate(document)
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            key = ".".join(map(str, found["loc"]))
            advice = "Give the data with --data PATH or --data KEY=VALUE." if key.startswith("data") else self._install
            raise StudyError(f"ssinfer {__version__} cannot settle on it: {key}: {found['msg']}. {advice}") from None

    @property
    def _install(self) -> str:
        version = self.agreement.document["versions"]["ssinfer"]
        return "" if version == __version__ else f" Or install the version that signed it: {install(version)}"

    def plan(self, n_jobs: int = 1, tell: Callable[[Look], None] | None = None, language: str | None = None) -> Plan:
        """Return the plan on the signed terms; differences of study, contract, method and delivery are refused."""
        document = self.agreement.document
        contracts = {name: (Contract(**part["terms"]), part["share"]) for name, part in document["contract"].items()}
        stated = [
            part
            for part in self.config.sharing
            if part.contract in shipped_contracts() or Path(part.contract).is_file()
        ]
        now = {part.name: contract_of(part) for part in stated}
        self._compare("study", document["study"], settings_of(self.config))
        self._compare("contract", {name: document["contract"].get(name) for name in now}, terms_of(now))
        self._compare("parameters", document["parameters"], parameters_of(make_methods(self.config)))
        self._refuse()
        threshold, origins = document["threshold"], document["origins"]
        number = threshold["form"] == "number" and threshold["kind"] != CONTRACT and self._same_threshold
        signed = Signed(
            contracts=contracts | now,
            origins={name: tuple(labels) for name, labels in origins.items()},
            rate=threshold["rate"] if number else None,
            facts=self.agreement.facts,
        )
        with raised_as(StudyError, f"agreement {self.agreement.hash[:12]}:"):
            plan = make_plan(self.config, "", self.folder, n_jobs=n_jobs, tell=tell, language=language, signed=signed)
        units = {*units_of(plan)}
        absent = [unit for unit in document["known"]["units"] if unit not in units]
        self.differences += [f"the delivery lacks {unit!r}, which was there at signing" for unit in absent]
        self._refuse()
        return plan

    def finish(self, plan: Plan, result: StudyResult) -> StudyResult:
        """Return the result with its agreement, perhaps amended; a learned threshold outside the range is refused."""
        main, (_, method) = plan.config.main_design, plan.config.settling
        rows, table = result.case_thresholds, self.threshold
        rates = deciding_rates(rows)[rows["decides"].astype(bool)].dropna()
        if len(rates) and (table["form"] == "rule" or not self._same_threshold):
            years = rows_with(result.savings, design=main.fit, method=method)["insured_years"].to_numpy(dtype=float)[:1]
            if not self._same_threshold:
                stated = {} if main.threshold is None else plain(vars(main.threshold.key))
                table = {"form": "rule", "insured_years": years[0], "assigned": years[0], "k": 0.0, "shock": 1.0}
                table |= {"kind": CONTRACT, **stated, "lower": rates.iloc[0], "upper": rates.iloc[0]}
            times = table_scale(table, years) / table_scale(table, np.array([table["insured_years"]]))
            lower, rate, upper = table["lower"] * times[0], rates.iloc[0], table["upper"] * times[0]
            if not lower <= rate <= upper:
                signed = f"{100 * lower:.2f}% to {100 * upper:.2f}% at {years[0]:,.0f} insured-years"
                self.differences.append(f"the learned threshold is {100 * rate:.2f}%, and the signed range is {signed}")
                self._refuse()
                ends = {"lower": min(table["lower"], rate / times[0]), "upper": max(table["upper"], rate / times[0])}
                table = {**table, **ends}
            self.threshold = table
        agreement = self.agreement if self.reason is None else self._amended(plan)
        manifest = {**result.manifest, "agreement": agreement.facts}
        return replace(result, agreement=agreement.text, manifest=manifest)

    @property
    def _same_threshold(self) -> bool:
        """Whether the design, method and key of the threshold that settles are those that were signed."""
        settles, main = self.agreement.document["settles"], self.config.main_design
        stated = {} if main.threshold is None else plain(vars(main.threshold.key))
        key = {} if self.threshold["kind"] == CONTRACT else {name: self.threshold.get(name) for name in stated}
        return self.config.settling == (settles["design"], settles["method"]) and key in ({}, stated)

    def _amended(self, plan: Plan) -> Agreement:
        """Return the second agreement: the terms now, the hash of the first, the reason and the differences."""
        if not self.differences:
            raise StudyError("--amend: nothing differs from the agreement. Leave --amend out.")
        first, config = self.agreement.document, plan.config
        today = dt.datetime.now(dt.UTC).date()
        changed = {
            "settles": settles_of(plan),
            "threshold": self.threshold,
            "contract": terms_of(plan.contracts),
            "parameters": parameters_of(plan.methods),
            "versions": {"ssinfer": __version__},
            "study": settings_of(config),
            "amends": {
                "amends": self.agreement.hash,
                "date": today,
                "reason": self.reason,
                "differences": self.differences,
            },
        }
        changed["amends"]["differences"] = self.differences
        return Agreement.of({name: part for name, part in first.items() if name not in ("hash", "format")} | changed)

    def _compare(self, part: str, then: Any, now: Any) -> None:
        self.differences += [
            f"{part}: {key} was signed as {old!r} and is {new!r}"
            for key, old, new in differences(then, plain(now))
            if not key.endswith(f"run_out.{EXTRACTED}")
        ]

    def _refuse(self) -> None:
        if self.differences and self.reason is None:
            named = "; ".join(self.differences[:MAX_NAMED])
            raise StudyError(
                f"This is not what was signed (agreement {self.agreement.hash[:12]}): {named}. Settle on the signed "
                f"terms, or write a second agreement with --amend REASON.{self._install}"
            )


def differences(then: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys at which two documents differ, with both values; None where one has no such key."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            yield from differences(then.get(name), now.get(name), f"{key}.{name}".lstrip("."))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (old, new) in enumerate(zip(then, now, strict=True), start=1):
            yield from differences(old, new, f"{key}[{number}]")
    elif then != now:
        yield key, then, now
