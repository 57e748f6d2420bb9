"""Vektis: published spending per Dutch municipality."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.finding import Finding
from ssinfer.panel import Panel
from ssinfer.periods import span
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.config_blocks import PopulationConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.data import ProgrammeData, StudyData, categories_of, public_data
from ssinfer.study.source import DataConfig, DataSource


class VektisConfig(DataConfig):
    """Years of publication, and the basket of definitions of spending that name none."""

    years: Span = Field(examples=["{ first = 2011, last = 2022 }"])
    basket: str = "core"

    def load(self, config: StudyConfig, _folder: Path, _n_jobs: int) -> StudyData:
        """Return panels of municipalities with the covariates that comparison groups use; regions are their names."""
        from ssinfer.datasets import Basket, load_vektis  # noqa: PLC0415  (only the source that is used)
        from ssinfer.datasets.vektis.baskets import basket_of  # noqa: PLC0415
        from ssinfer.datasets.vektis.columns import CARE_TYPES, care_types  # noqa: PLC0415
        from ssinfer.datasets.vektis.file import read_vektis_file  # noqa: PLC0415

        years = span(self.years.first, self.years.last)
        years = years if config.seal is None else config.seal.before(years)
        given = [part.parameters.get("breaks") for part in config.method]
        tables = [each for part in given if isinstance(part, list) for each in part if isinstance(each, dict)]
        extra = [each["covariate"] for each in tables if isinstance(each.get("covariate"), str)]
        extra += [config.case.ses] if config.case.ses else []
        covariates = list(dict.fromkeys([CASE_MIX_EXPECTED, "share_65_plus", "latitude", "longitude", *extra]))
        saved = categories_of(config, CARE_TYPES)

        @cache
        def load(members: tuple[str, ...], ages: tuple[int, int] | None, sexes: tuple[str, ...] | None) -> Panel:
            return load_vektis(years, Basket("", "", members), covariates=covariates, ages=ages, sexes=sexes)

        def panels(members: tuple[str, ...], of: PopulationConfig) -> tuple[Panel, dict[str, Panel]]:
            persons = of.ages, None if of.sexes is None else tuple(of.sexes)
            return load(members, *persons), {care: load((care,), *persons) for care in saved if care in members}

        def make(population: PopulationConfig, spending: SpendingConfig) -> tuple[Panel, Mapping[str, Panel]]:
            basket = spending.basket or (None if spending.include else self.basket)
            own = basket_of(spending.name, basket, spending.include or (), spending.exclude)
            found[spending.name] = Finding("basket_leaves_out", left_out(spending.name, own), refuses=False)
            kept = years if spending.years is None else span(spending.years.first, spending.years.last)
            own.check_comparable(kept)
            panel, parts = panels(own.members, population)
            return replace(panel, spending=np.where(np.isin(years, kept), panel.spending, np.nan)), parts

        def left_out(name: str, basket: Basket) -> dict[str, Any]:
            """Return the care types of the last year that a basket leaves out, in EUR per insured-year of everybody."""
            means = {care: float(last[care].sum() / last["insured_years"].sum()) for care in care_types(years[-1])}
            rest = sorted((-mean, care) for care, mean in means.items() if care not in basket.members)
            parts = tuple((care, -mean) for mean, care in rest)
            return {"name": name, "year": years[-1], "all": sum(means.values()), "parts": parts}

        found, last = dict[str, Finding](), read_vektis_file(years[-1])
        # A column that enters the files changes the scale between years, but not between designs.
        whole = ProgrammeData(*panels(tuple(CARE_TYPES), PopulationConfig()))
        baskets = dict.fromkeys(part.basket or (part.name if part.include else self.basket) for part in config.spending)
        of = {"first": str(years[0]), "last": str(years[-1]), "n": len(whole.whole.units)}
        label = Finding("data_label.vektis", {"baskets": ", ".join(map(repr, baskets)), **of})
        note, regions = Finding("data_note.vektis", {}), {unit: unit for unit in whole.whole.units}
        data = public_data(config, label, note, whole, make, regions)
        return replace(data, findings=tuple(found.values()))


KEYS = ("ages", "sexes", "regions", "at_least", "spillover", "basket", "years", "include", "exclude")
SOURCE = DataSource("vektis", "Spending per Dutch municipality (Vektis)", 10, VektisConfig, takes=KEYS)
