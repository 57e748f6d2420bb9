"""StudyDesign: one choice of each building block; lists the designs of a study, its grid included."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ssinfer.errors import did_you_mean
from ssinfer.input_table import natural_order
from ssinfer.study.config_blocks import BLOCKS, DesignConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ssinfer.study.config import StudyConfig
    from ssinfer.study.config_base import Periods
    from ssinfer.study.config_blocks import (
        ComparisonConfig,
        GridConfig,
        PopulationConfig,
        SharingConfig,
        ThresholdConfig,
    )
    from ssinfer.study.config_claims import SpendingConfig

FITTED = BLOCKS[:3]  # the blocks on which a fit depends
WINDOWS = ("baseline", "performance", "masked", "origins")
MOST_DESIGNS = 500


@dataclass(frozen=True, eq=False)
class StudyDesign:
    """One design. Designs with the same population, spending, comparison and windows share the fits named `fit`."""

    name: str
    label: str
    population: PopulationConfig
    spending: SpendingConfig
    comparison: ComparisonConfig
    threshold: ThresholdConfig
    sharing: SharingConfig | None
    baseline: Periods
    performance: Periods
    masked: Periods
    origins: Periods | None
    methods: tuple[str, ...]
    fit: str
    fit_label: str
    equal_to: str = ""  # name of an earlier design that is equal

    @property
    def sensitivity(self) -> bool:
        """Whether the population depends on what happens after the start: such a design never settles."""
        return self.population.sensitivity

    @property
    def names(self) -> dict[str, str]:
        """The name of each block; empty where nothing is shared."""
        parts = {block: getattr(self, block) for block in BLOCKS}
        return {block: "" if part is None else part.name for block, part in parts.items()}


def designs_of(config: StudyConfig) -> tuple[StudyDesign, ...]:
    """Return the designs that a study names, then those of its grid; ValueError for names that do not exist."""
    wanted = list(config.design)
    crossed = {} if config.grid is None else _crossed(config, config.grid)
    wanted += [design for design, _ in crossed.values()]
    if not wanted:
        wanted = [DesignConfig(name=part.name, label=part.label, comparison=part.name) for part in config.comparison]
    names = [part.name for part in wanted]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"designs {repeated} share a name; give each its own")
    parts = []
    for part in wanted:
        blocks = {block: _chosen(config, part, block) for block in BLOCKS}
        windows = {key: _or(getattr(part, key), getattr(config.windows, key)) for key in WINDOWS}
        methods = _methods(config, part, blocks["comparison"])
        content = repr(([blocks[block] for block in FITTED], windows))
        whole = repr((content, blocks["threshold"], blocks["sharing"], methods))
        parts.append((part, {**blocks, **windows, "methods": methods}, content, whole))
    # Fits have the name of the first of their designs in natural order, so that the order of designs has no meaning.
    place = {name: number for number, name in enumerate(natural_order(names))}
    fits: dict[str, str] = {}
    for part, _, content, _ in sorted(parts, key=lambda item: place[item[0].name]):
        fits.setdefault(content, crossed[part.name][1] if part.name in crossed else part.name)
    if len(set(fits.values())) < len(fits):
        raise ValueError("a design has the name of the fits of the grid; give it another name")
    first = {whole: part.name for part, _, _, whole in reversed(parts)}
    return tuple(
        StudyDesign(
            part.name,
            part.label or _label(values, config, BLOCKS),
            **values,
            fit_label=part.label or _label(values, config, FITTED),
            fit=fits[content],
            equal_to="" if first[whole] == part.name else first[whole],
        )
        for part, values, content, whole in parts
    )


def settling(config: StudyConfig, designs: Sequence[StudyDesign]) -> tuple[str, str, bool]:
    """Return the design and method that settle ("" if none can), and whether the study marks or needs no mark."""
    marked = {part.name for part in config.design if part.settles}
    grid = config.grid
    if grid is not None and grid.settles:
        marked |= {d.name for d in designs if all(d.names.get(block) == name for block, name in grid.settles.items())}
        if not marked:
            raise ValueError(f"grid.settles is {grid.settles}, and no design of the grid has these blocks")
    if len(marked) > 1:
        raise ValueError(f"several designs settle: {', '.join(sorted(marked))}; mark one")
    able = [design for design in designs if not design.sensitivity]
    chosen = next((design for design in designs if design.name in marked), able[0] if able else None)
    if chosen is None:
        return "", "", True
    if chosen.sensitivity:
        raise ValueError(
            f"design {chosen.name!r} settles, but its population {chosen.population.name!r} depends on what happens "
            "after the start; mark another design"
        )
    methods = [part.label for part in config.method if part.settles]
    if len(methods) > 1:
        raise ValueError(f"several methods settle: {', '.join(methods)}; mark one")
    if methods and methods[0] not in chosen.methods:
        raise ValueError(f"method {methods[0]!r} settles, but design {chosen.name!r} is not fitted with it")
    pairs = {(design.fit, method) for design in designs for method in design.methods}
    stated = bool(marked and methods) or (len(pairs) == 1 and len(designs) == 1)
    return chosen.name, methods[0] if methods else chosen.methods[0], stated


def _crossed(config: StudyConfig, grid: GridConfig) -> dict[str, tuple[DesignConfig, str]]:
    """Return the designs of a grid, named by the blocks that vary, and the names of their fits."""
    lists = {block: _or(getattr(grid, block), [part.name for part in getattr(config, block)]) for block in BLOCKS}
    lists = {block: names for block, names in lists.items() if names}
    for rule in (*grid.skip, grid.settles):
        for block, name in rule.items():
            if name not in lists.get(block, ()):
                raise ValueError(f"grid: no {block} {name!r} is crossed. {did_you_mean(name, lists.get(block, lists))}")
    designs: dict[str, tuple[DesignConfig, str]] = {}
    for names in product(*lists.values()):
        choice = dict(zip(lists, names, strict=True))
        if any(rule.items() <= choice.items() for rule in grid.skip):
            continue
        varying = {block: name for block, name in choice.items() if len(lists[block]) > 1}
        fitted = [name for block, name in varying.items() if block in FITTED] or [choice["comparison"]]
        name = " | ".join([*fitted, *(name for block, name in varying.items() if block not in FITTED)])
        designs[name] = DesignConfig(name=name, methods=grid.methods, **choice), " | ".join(fitted)
    if len(designs) > MOST_DESIGNS and not grid.allow_many:
        raise ValueError(
            f"the grid has {len(designs)} designs; at most {MOST_DESIGNS} without allow_many. Name fewer, skip some, "
            "or write allow_many = true"
        )
    if not designs:
        raise ValueError("the grid skips every design. Skip fewer")
    return designs


def _chosen(config: StudyConfig, part: DesignConfig, block: str) -> Any:
    """Return the entry of a block that a design names, or the first."""
    entries = {entry.name: entry for entry in getattr(config, block)}
    name = getattr(part, block)
    if name is None:
        return next(iter(entries.values()), None)
    if name not in entries:
        raise ValueError(f"design {part.name!r} names {block} {name!r}. {did_you_mean(name, entries)}")
    return entries[name]


def _methods(config: StudyConfig, part: DesignConfig, comparison: ComparisonConfig) -> tuple[str, ...]:
    """Return the methods of a design, without those that its comparison leaves out."""
    labels = [method.label for method in config.method]
    for name in part.methods or ():
        if name not in labels:
            raise ValueError(f"design {part.name!r} names method {name!r}. {did_you_mean(name, labels)}")
    wanted = labels if part.methods is None else part.methods
    fitted = {m.label for m in config.method if m.comparisons is None or comparison.name in m.comparisons}
    methods = tuple(label for label in labels if label in wanted and label in fitted)
    if not methods:
        raise ValueError(f"design {part.name!r} is fitted with no method; see method.comparisons")
    return methods


def _label(values: Mapping[str, Any], config: StudyConfig, blocks: Sequence[str]) -> str:
    """Return the labels of those of the blocks of which the study has several, in words."""
    several = [block for block in blocks if len(getattr(config, block)) > 1] or ["comparison"]
    return "; ".join(str(values[block].label or values[block].name) for block in several if values[block] is not None)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
