"""Settling: the run that settles on an agreement; it is refused with each difference named."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ssinfer._version import __version__
from ssinfer.agreement.agreement import FILE, Agreement, install, plain, read_agreement
from ssinfer.agreement.sign import parameters_of, settings_of, sign_config, terms_of, units_of, with_groups
from ssinfer.agreement.signed_threshold import table_scale, thresholds_by_size
from ssinfer.backtesting.frames import rows_with
from ssinfer.contracts.arithmetic import RATE_TOLERANCE
from ssinfer.contracts.contract import Contract
from ssinfer.errors import StudyError, raised_as
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_claims import GroupsConfig
from ssinfer.study.look import Look
from ssinfer.study.plan import Plan, make_methods, make_plan
from ssinfer.study.result import StudyResult
from ssinfer.study.seal import Signed
from ssinfer.study.sharing import contract_of
from ssinfer.study.verdict import deciding_rates
from ssinfer.thresholds.kind import CONTRACT, ThresholdKey

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
        self.first = self.agreement = agreement
        self.reason, self.differences = reason, list[str]()
        self.compared = study is not None
        self.folder, signed = Path() if study is None else study.parent, agreement.document["study"]
        given = signed if study is None else plain(read_study(study).document(exclude_unset=True))
        given = {**given, "only_group": signed.get("only_group", "")}
        keys = {key: value for key, value in data.items() if key != EXTRACTED}
        try:
            config = StudyConfig.model_validate({**given, "data": {**given["data"], **keys}})
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            key = ".".join(map(str, found["loc"]))
            advice = " Give the data with --data PATH or --data KEY=PATH." if key.startswith("data") else self._install
            raise StudyError(f"ssinfer {__version__} cannot settle on it: {key}: {found['msg']}.{advice}") from None
        groups = signed["case"].get("groups", {})
        if config.case.groups is None or config.case.groups.size is None:
            config = with_groups(config, GroupsConfig(**groups))
        if EXTRACTED in data:
            with raised_as(StudyError, f"--data {EXTRACTED}:", ValueError):
                config = config.with_run_outs(extracted=dt.date.fromisoformat(data[EXTRACTED]))
        of_run = {"defaults": agreement.document.get("defaults", "signed_before")}  # before there was this key
        self.config = config.with_run(**of_run, groups_until=agreement.document["known"].get("groups_until"))

    def plan(self, n_jobs: int = 1, tell: Callable[[Look], None] | None = None, language: str | None = None) -> Plan:
        """Return the plan on the signed terms; differences of study, contract, method and delivery are refused."""
        signed = self.signed(n_jobs, language)
        with raised_as(StudyError, f"agreement {self.agreement.hash[:12]}:"):
            options: Any = {"n_jobs": n_jobs, "tell": tell, "language": language}
            plan = make_plan(self.config, "", self.folder, signed={self.config.only_group: signed}, **options)
        self.delivered(plan)
        return plan

    def signed(self, n_jobs: int, language: str | None) -> Signed:
        """Return what the agreement fixes; differences of study, contract and method are refused."""
        document = self.agreement.document
        contracts = {name: (Contract(**part["terms"]), part["share"]) for name, part in document["contract"].items()}
        if self.compared:  # as this version reads both: a key that came later has its default in both
            study = StudyConfig.model_validate(document["study"] | {"data": self.config.data.model_dump()})
            signed_data = {"data": document["study"]["data"]}
            self._compare("study", settings_of(study) | signed_data, settings_of(self.config))
            now = {part.name: contract_of(part) for part in self.config.rules}
            self._compare("contract", terms_of(contracts), terms_of(now))
        now_set, then_set = parameters_of(make_methods(self.config)), document["parameters"]
        for name, values in then_set.items():
            now_set[name] = {key: value for key, value in now_set.get(name, {}).items() if key in values}
        self._compare("parameters", then_set, now_set)
        self._compare_rule(document["threshold"], contracts.get(document["settles"]["sharing"]))
        if self._differ():  # a second agreement, signed as the first was
            [second] = sign_config(self.config, self.folder, n_jobs=n_jobs, language=language).values()
            self._amend(**second.document)
        document = self.agreement.document
        threshold, terms = document["threshold"], document["contract"].items()
        number = threshold["form"] == "number" and threshold["kind"] != CONTRACT
        return Signed(
            contracts={name: (Contract(**part["terms"]), part["share"]) for name, part in terms},
            origins={name: tuple(labels) for name, labels in document["origins"].items()},
            rate=threshold["rate"] if number else None,
            rates=tuple(part["rate"] for part in threshold.get("by_year", ())) if number else (),
        )

    def delivered(self, plan: Plan) -> None:
        """Refuse a delivery without a unit that was there at signing."""
        units, known = units_of(plan), self.agreement.document["known"]
        absent = [unit for unit in known["units"] if unit not in set(units)]
        self.differences += [f"the delivery lacks {unit!r}, which was there at signing" for unit in absent]
        if absent and self._differ():
            self._amend(known={**known, "units": units})

    def finish(self, plan: Plan, result: StudyResult) -> StudyResult:
        """Return the result with its agreement, perhaps amended; a learned threshold outside the range is refused."""
        table = self.agreement.document["threshold"]
        parts: list[dict[str, Any]] = [*table.get("by_year", [table])]
        learned = self._learned(plan, result, by_year="by_year" in table) if table["form"] == "rule" else []
        for number, (rate, years) in enumerate(learned):
            part, size = parts[number], np.array([years, parts[number]["insured_years"]])
            times = float(np.divide(*table_scale(part, size)))
            lower, upper = part["lower"] * times, part["upper"] * times
            if not lower <= rate <= upper:
                signed = f"{100 * lower:.2f}% to {100 * upper:.2f}% at {years:,.0f} insured-years"
                of = f" of contract year {part['year']}" if "year" in part else ""
                self.differences.append(
                    f"the learned threshold{of} is {100 * rate:.2f}%, and the signed range is {signed}"
                )
                parts[number] = {**part, "lower": min(lower, rate) / times, "upper": max(upper, rate) / times}
        if parts != table.get("by_year", [table]) and self._differ():
            self._amend(threshold={**table, "by_year": parts} if "by_year" in table else parts[0])
        if self.reason is not None and not self.differences:
            raise StudyError("--amend: nothing differs from the agreement. Leave --amend out.")
        manifest = {**result.manifest, "agreement": self.agreement.facts}
        return replace(result, agreement=self.agreement.text, manifest=manifest)

    def _learned(self, plan: Plan, result: StudyResult, *, by_year: bool) -> list[tuple[float, float]]:
        """Return the learned threshold and the insured-years for which it holds; of a term those of each year."""
        if by_year:
            rows = rows_with(result.tables["term.csv"], settles=True).iloc[:-1]
            return [*zip(rows["threshold"], rows["insured_years"].cumsum(), strict=True)]
        rows = result.case_thresholds
        rates = deciding_rates(rows)[rows["decides"].astype(bool)].dropna()
        pair = {"design": plan.config.main_design.fit, "method": plan.config.settling[1]}
        return [*zip(rates, rows_with(result.savings, **pair)["insured_years"], strict=False)][:1]

    def _compare_rule(self, table: Mapping[str, Any], contract: Any) -> None:
        """Note where this version computes another threshold by the number of insured."""
        if self.compared or "by_assigned" not in table or contract is None:
            return
        key = ThresholdKey(table["kind"], table.get("level"), table["side"], table["prior"])
        rates = thresholds_by_size(key, contract[0], table["assigned"]) or []
        for (insured, old), new in zip(table["by_assigned"], rates, strict=True):
            if abs(old - new) > RATE_TOLERANCE:
                self.differences.append(f"threshold: at {insured:,} insured it was signed as {old} and is {new}")

    def _amend(self, **changed: Any) -> None:
        """Make the second agreement: the terms now, the hash of the first, the reason and the differences."""
        today = dt.datetime.now(dt.UTC).date()
        amends = {"amends": self.first.hash, "date": today, "reason": self.reason, "differences": self.differences}
        changed |= {"signed": today, "versions": {"ssinfer": __version__}, "amends": amends}
        document = {**self.agreement.document, **changed}
        self.agreement = Agreement.of({name: part for name, part in document.items() if name not in ("hash", "format")})

    @property
    def _install(self) -> str:
        version = self.agreement.document["versions"]["ssinfer"]
        return "" if version == __version__ else f" Or install the version that signed it: {install(version)}"

    def _compare(self, part: str, then: Any, now: Any) -> None:
        self.differences += [
            f"{part}: {key} was signed as {old!r} and is {new!r}"
            for key, old, new in differences(plain(then), plain(now))
            if not key.endswith(f"run_out.{EXTRACTED}")
        ]

    def _differ(self) -> bool:
        """Return whether an amendment has differences; without a reason they are refused."""
        if self.differences and self.reason is None:
            named = "; ".join(self.differences[:MAX_NAMED])
            of = f" of {self.config.only_group!r}" if self.config.only_group else ""
            raise StudyError(
                f"This is not what was signed (agreement {self.agreement.hash[:12]}{of}): {named}. Settle on the "
                f"signed terms, or write a second agreement with --amend REASON.{self._install}"
            )
        return bool(self.differences)


class SettlingGroups:
    """A run on the agreements of several contracts, in the folders of one folder: each settles on its own.

    Parameters as of `Settling`; a second agreement is of one contract, so `reason` is refused.
    """

    def __init__(self, folder: Path, data: Mapping[str, str], study: Path | None, reason: str | None) -> None:
        if reason is not None:
            raise StudyError(
                f"--amend is of one agreement, and {folder} has several. Settle the group alone: --agreement "
                f"{folder}/NAME --amend REASON. The agreement in its result takes the place of the first."
            )
        held = {path.parent.name: read_agreement(path) for path in sorted(folder.glob(f"*/{FILE}"))}
        parts = {name: Settling(agreement, data, study) for name, agreement in held.items()}
        self.config, *others = (part.config.model_copy(update={"only_group": ""}) for part in parts.values())
        names = [part.name for part in self.config.group]
        alone = f"or settle one group alone: --agreement {folder}/NAME."
        if wrong := [name for name in (*names, *parts) if name not in parts or parts[name].config.only_group != name]:
            raise StudyError(
                f"{folder} must hold one agreement of each group, in the folder of its name: {', '.join(names)}. "
                f"Missing, or of another group: {', '.join(wrong)}. Put back the folders of `ssinfer sign`, {alone}"
            )
        self.parts = {name: parts[name] for name in names}
        for name, other in zip([*parts][1:], others, strict=True):
            if found := [key for key, _, _ in differences(settings_of(self.config), settings_of(other))]:
                raise StudyError(
                    f"the agreements of {next(iter(parts))!r} and {name!r} in {folder} are not of one study: "
                    f"{', '.join(found[:MAX_NAMED])} differ. Put back the folders of `ssinfer sign`, {alone}"
                )

    def plan(self, n_jobs: int = 1, tell: Callable[[Look], None] | None = None, language: str | None = None) -> Plan:
        """Return the plan of all groups on their terms; see `Settling.plan`."""
        signed = {name: part.signed(n_jobs, language) for name, part in self.parts.items()}
        folder = next(iter(self.parts.values())).folder
        plan = make_plan(self.config, "", folder, n_jobs=n_jobs, tell=tell, language=language, signed=signed)
        for name, part in self.parts.items():
            part.delivered(plan.groups[name])
        return plan

    def finish(self, plan: Plan, result: StudyResult) -> StudyResult:
        """Return the result with the agreement of each group; see `Settling.finish`."""
        groups = result.groups or {self.config.group[0].name: result}
        groups = {name: self.parts[name].finish(plan.groups[name], part) for name, part in groups.items()}
        first = next(iter(groups.values()))
        manifest = {**result.manifest, "agreement": first.manifest["agreement"]}
        return replace(result, agreement=first.agreement, manifest=manifest, groups=groups if result.groups else {})


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
