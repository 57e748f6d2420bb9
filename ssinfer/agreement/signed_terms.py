"""The terms of an agreement beside its threshold: settings, contracts, parameters, and what settles."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ssinfer.agreement.agreement import plain
from ssinfer.contracts.contract import Contract
from ssinfer.periods import plain_label
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_claims import GroupsConfig
from ssinfer.study.plan import Plan

FOR_READERS = ("title", "source", "notes", "assumed")  # words of a contract, not terms


def terms_of(contracts: Mapping[str, tuple[Contract, float]]) -> dict[str, Any]:
    """Return the sharing rate and the whole terms of contracts, by name of the sharing rule."""
    return {name: {"share": share, "terms": asdict(contract)} for name, (contract, share) in contracts.items()}


def known_at_signing(now: Mapping[str, Any], signed: Mapping[str, Any]) -> dict[str, Any]:
    """Return `terms_of` contracts now without words for readers, and without tables that later versions have added."""
    kept = {}
    for name, part in now.items():
        then = signed.get(name, part)["terms"]
        kept[name] = {**part, "terms": {k: v for k, v in part["terms"].items() if k in then and k not in FOR_READERS}}
    return kept


def parameters_of(methods: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of methods, defaults included, as texts."""
    values = {name: method.get_params(deep=True) for name, method in methods.items() if hasattr(method, "get_params")}
    return {name: {key: repr(own[key]) for key in sorted(own)} for name, own in values.items()}


def settings_of(config: StudyConfig) -> dict[str, Any]:
    """Return every setting of the study that is signed, defaults included: not the place of the data.

    Shares of groups stand in their contracts: an agreement does not tell that of another group.
    """
    left_out: Any = {"report": True, "date": True, "agreement": True, "data": True, "group": {"__all__": {"share"}}}
    study = config.document(exclude=left_out | ({} if config.group else {"group": True, "only_group": True}))
    for part, table in zip(config.method, study["method"], strict=True):
        if "time_limit" not in part.model_fields_set:  # it is for methods of other packages only
            del table["time_limit"]
    data = config.data.model_dump(mode="json", exclude_unset=True, exclude={"file"})
    return {name: plain(table) for name, table in {**study, "data": data}.items() if table is not None}


def settles_of(plan: Plan) -> dict[str, Any]:
    """Return what settles: design, method and sharing rule by name, contract group and periods."""
    main, design = plan.config.main_design, plan.designs[plan.config.main_design.fit]
    names = {"design": main.name, "method": plan.config.settling[1], "sharing": main.sharing and main.sharing.name}
    periods = {key: list(map(plain_label, getattr(design, key))) for key in ("baseline", "performance", "masked")}
    return {**names, "treated": design.treated, **periods}


def with_groups(config: StudyConfig, groups: GroupsConfig | None) -> StudyConfig:
    """Return a study with the stated size of its groups of practices, which the data of a delivery do not change."""
    if groups is None or groups.size is None:  # intact practices have their own
        return config
    return config.model_copy(update={"case": config.case.model_copy(update={"groups": groups})})


def units_of(plan: Plan) -> list[str]:
    """Return the units that a delivery must hold: practices of claims, or units of the panel."""
    return list((plan.data.panel if plan.data.claims is None else plan.data.claims.practices).units)
