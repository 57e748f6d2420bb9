"""StudyDesign: one choice of each building block; lists the designs of a study, its grid included."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ssinfer.errors import did_you_mean, refuse_unknown
from ssinfer.foreign import Text
from ssinfer.input_table import natural_order
from ssinfer.study import config_blocks as blocks
from ssinfer.study.config_base import Periods, Span
from ssinfer.study.config_blocks import DesignConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.frames import BLOCKS

if TYPE_CHECKING:
    from ssinfer.study.config import StudyConfig

FITTED = BLOCKS[:3]  # the blocks on which a fit depends
WINDOWS = ("baseline", "performance", "masked", "origins")
MOST_DESIGNS = 500


@dataclass(frozen=True, eq=False)
class StudyDesign:
    """One design. Designs with the same population, spending, comparison and windows share the fits named `fit`."""

    name: str
    label: Text
    population: blocks.PopulationConfig
    spending: SpendingConfig
    comparison: blocks.ComparisonConfig
    threshold: blocks.ThresholdConfig | None
    sharing: blocks.SharingConfig | None
    baseline: Periods
    performance: Periods
    masked: Periods
    origins: Periods | None
    methods: tuple[str, ...]
    fit: str
    fit_label: Text
    equal_to: str = ""  # name of an earlier design that is equal

    @property
    def sensitivity(self) -> bool:
        """Whether the population depends on what happens after the start: such a design never settles."""
        return self.population.sensitivity

    @property
    def compared_by(self) -> blocks.ThresholdConfig:
        """The threshold on which the design is compared with others: its own, or the default if the study has none."""
        return self.threshold or blocks.ThresholdConfig()

    @property
    def names(self) -> dict[str, str]:
        """The name of each block; empty where nothing is shared."""
        parts = {block: getattr(self, block) for block in BLOCKS}
        return {block: "" if part is None else part.name for block, part in parts.items()}

    @property
    def windows(self) -> str:
        """The windows in words, the same for equal windows."""
        spans = [(key, span) for key in WINDOWS if (span := getattr(self, key))]
        words = [(key, *((s.first, "to", s.last) if isinstance(s, Span) else s)) for key, s in spans]
        return "; ".join(" ".join(map(str, word)) for word in words)


def designs_of(config: "StudyConfig") -> tuple[StudyDesign, ...]:
    """Return the designs that a study names, then those of its grid; ValueError for names that do not exist."""
    crossed = _crossed(config)
    wanted = [*config.design, *(design for design, _ in crossed.values())]
    if not wanted:
        wanted = [DesignConfig(name=part.name, label=part.label, comparison=part.name) for part in config.comparison]
    names = [part.name for part in wanted]
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"designs {repeated} share a name; give each its own")
    parts: dict[str, tuple[str, str, dict[str, Any]]] = {}  # what a fit depends on, all that a design is, its values
    for part in wanted:
        values = {block: _chosen(config, part, block) for block in BLOCKS}
        chosen = {block: "" if entry is None else entry.name for block, entry in values.items()}
        for key in WINDOWS:
            own = getattr(part, key)
            values[key] = getattr(config.windows, key) if own is None else own
        if config.term is not None and config.settled < config.term.years:
            values["performance"] = config.term.first_years(values["performance"], config.settled)
        values["methods"] = _methods(config, part, chosen["comparison"])
        said = {block: "" if entry is None else entry.content for block, entry in ((b, values[b]) for b in BLOCKS)}
        content = repr([*(said[block] for block in FITTED), *(values[key] for key in WINDOWS)])
        whole = repr([content, said["threshold"], said["sharing"], values["methods"]])
        labels: dict[str, Text] = {block: values[block].label or name for block, name in chosen.items() if name}
        values |= {"label": part.label or _label(labels, config, BLOCKS)}
        parts[part.name] = content, whole, values | {"fit_label": part.label or _label(labels, config, FITTED)}
    # Fits have the name of the first of their designs in natural order, so that the order of designs has no meaning.
    fits: dict[str, str] = {}
    for name in natural_order(names):
        fits.setdefault(parts[name][0], crossed[name][1] if name in crossed else name)
    if len(set(fits.values())) < len(fits):
        raise ValueError("a design has the name of the fits of the grid; give it another name")
    first = {whole: name for name, (_, whole, _) in reversed(parts.items())}
    return tuple(
        StudyDesign(name, **values, fit=fits[content], equal_to="" if first[whole] == name else first[whole])
        for name, (content, whole, values) in parts.items()
    )


def settling(config: "StudyConfig", designs: Sequence[StudyDesign]) -> tuple[str, str, bool]:
    """Return the design and method that settle ("" if none can), and whether the study marks or needs no mark."""
    marked = {part.name for part in config.design if part.settles}
    grid = config.grid
    if grid is not None and grid.settles:
        marked |= {d.name for d in designs if all(d.names.get(block) == name for block, name in grid.settles.items())}
        if not marked:
            raise ValueError(f"grid.settles is {grid.settles}, and no design of the grid has these blocks")
    if len(marked) > 1:
        raise ValueError(f"several designs settle: {', '.join(sorted(marked))}; mark one")
    able = [design for design in designs if design.methods and not design.sensitivity]
    if not any(design.methods for design in designs):
        raise ValueError("no design is fitted with any method; see method.comparisons")
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
    if not set(methods or chosen.methods[:1]) & set(chosen.methods):
        raise ValueError(f"method {''.join(methods)!r} settles, but design {chosen.name!r} is not fitted with it")
    pairs = {(design.fit, method) for design in designs for method in design.methods}
    stated = bool(marked and methods) or (len(pairs) == 1 and len(designs) == 1)
    return chosen.name, methods[0] if methods else chosen.methods[0], stated


def _crossed(config: "StudyConfig") -> dict[str, tuple[DesignConfig, str]]:
    """Return the designs of the grid, named by the blocks that vary, and the names of their fits."""
    if (grid := config.grid) is None:
        return {}
    known = {block: [part.name for part in getattr(config, block)] for block in BLOCKS}
    lists = {block: names if (own := getattr(grid, block)) is None else own for block, names in known.items()}
    lists = {block: names for block, names in lists.items() if names}
    rules = [*((known, {block: name}) for block, names in lists.items() for name in names)]
    for names, rule in [*rules, *((lists, rule) for rule in (*grid.skip, grid.settles))]:
        for block, name in rule.items():
            if name not in names.get(block, ()):
                raise ValueError(f"grid: no {block} {name!r} is crossed. {did_you_mean(name, names.get(block, lists))}")
    choices = [dict(zip(lists, names, strict=True)) for names in product(*lists.values())]
    choices = [choice for choice in choices if not any(rule.items() <= choice.items() for rule in grid.skip)]
    if len(choices) > MOST_DESIGNS and not grid.allow_many:
        raise ValueError(
            f"the grid has {len(choices):,} designs; at most {MOST_DESIGNS} without allow_many. Name fewer, skip some."
        )
    if not choices:
        raise ValueError("the grid skips every design. Skip fewer")
    designs = {}
    for choice in choices:
        varying = {block: name for block, name in choice.items() if len(lists[block]) > 1}
        fitted = [name for block, name in varying.items() if block in FITTED] or [choice["comparison"]]
        name = " | ".join([*fitted, *(name for block, name in varying.items() if block not in FITTED)])
        designs[name] = DesignConfig(name=name, methods=grid.methods, **choice), " | ".join(fitted)
    return designs


def _chosen(config: "StudyConfig", part: DesignConfig, block: str) -> Any:
    """Return the entry of a block that a design names, or the first; None if there is none."""
    entries = {entry.name: entry for entry in getattr(config, block)}
    name = getattr(part, block) or next(iter(entries), None)
    if name is not None and name not in entries:
        raise ValueError(f"design {part.name!r} names {block} {name!r}. {did_you_mean(name, entries)}")
    return entries.get(name)


def _methods(config: "StudyConfig", part: DesignConfig, comparison: str) -> tuple[str, ...]:
    """Return the methods of a design, without those that its comparison leaves out."""
    labels = [method.label for method in config.method]
    wanted = labels if part.methods is None else part.methods
    refuse_unknown(wanted, labels, f"design {part.name!r} names method", ValueError)
    methods = tuple(
        method.label
        for method in config.method
        if method.label in wanted and (method.comparisons is None or comparison in method.comparisons)
    )
    if not methods and part.methods is not None:
        raise ValueError(f"design {part.name!r} is fitted with no method; see method.comparisons")
    return methods


def _label(labels: dict[str, Text], config: "StudyConfig", blocks: Sequence[str]) -> Text:
    """Return the labels of those of the blocks of which the study has several, in words, in each of their languages."""
    several = [block for block in blocks if len(getattr(config, block)) > 1] or ["comparison"]
    parts = [labels[block] for block in several if block in labels]
    tags = dict.fromkeys(tag for part in parts if not isinstance(part, str) for tag in part)
    texts = [part if isinstance(part, dict) else dict.fromkeys([*tags, ""], str(part)) for part in parts]
    joined = {tag: "; ".join(text.get(tag, next(iter(text.values()))) for text in texts) for tag in tags or [""]}
    return joined if tags else joined[""]
