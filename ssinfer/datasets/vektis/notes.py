"""Notes on a panel of Vektis data: exclusions, borders, breaks and cautions."""

from dataclasses import dataclass

from ssinfer.datasets.vektis.baskets import Basket, find_basket
from ssinfer.datasets.vektis.borders import SPLIT, division_of, renames, unmappable


@dataclass(frozen=True, slots=True)
class VektisNotes:
    """Changes made to the publisher's files, and limits of the panel."""

    source: str  # how to cite the data
    excluded: dict[str, str]  # by municipality: why it is not in the panel
    merged: dict[str, tuple[str, ...]]  # by municipality of the panel: the older ones that were added up to it
    cautions: tuple[str, ...]  # sentences on years and units whose figures need care

    def __str__(self) -> str:
        """Return the notes as lines of text."""
        lines = [self.source]
        lines += [f"Excluded: {unit}: {why}" for unit, why in self.excluded.items()]
        lines += [f"Added up: {', '.join(parts)} -> {unit}" for unit, parts in self.merged.items()]
        return "\n".join((*lines, *self.cautions))


def vektis_notes(years: list[int], basket: str | Basket, division: int, cautions: tuple[str, ...]) -> VektisNotes:
    """Return the notes on these years, this basket and division; `cautions` are added at the end."""
    excluded: dict[str, str] = {}
    merged: dict[str, set[str]] = {}
    for year in years:
        for name, parts in unmappable(year, division).items():
            excluded[name] = f"split over {', '.join(parts)} in 2021, so that it cannot be mapped to {division}"
        for old, new in renames(year, division).items():
            merged.setdefault(new, set()).add(old)
    said = [note for year in years for note in find_basket(basket).notes.get(year, ())]
    said.append(
        "All years: cells with fewer than 10 insured are pooled by the publisher in a row without a municipality; "
        "they are in no unit (1.6 to 2.5% of the insured) and are kept in national_vektis()."
    )
    divisions = {division_of(year) for year in years}
    for step, split in SPLIT.items():
        if min(divisions) < step <= max(divisions):
            said += [
                f"From the file of 2019 on {', '.join(parts)} hold the inhabitants of {name}: their population jumps."
                for name, parts in split.items()
            ]
    return VektisNotes(
        source=f"Bron: Vektis, Zorgverzekeringswet per gemeente, {years[0]}-{years[-1]}, borders of {division}",
        excluded=excluded,
        merged={unit: tuple(sorted(parts)) for unit, parts in sorted(merged.items())},
        cautions=(*dict.fromkeys(said), *cautions),
    )
