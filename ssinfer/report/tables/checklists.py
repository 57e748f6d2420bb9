"""Checklists for reporting, CHEERS 2022 and RECORD (with STROBE), filled in where the study knows the answer.

References
----------
Husereau, D. et al. (2022). Consolidated Health Economic Evaluation Reporting Standards 2022 (CHEERS 2022) statement.
BMC Medicine 20, 23. https://doi.org/10.1186/s12916-021-02204-0
Benchimol, E. I. et al. (2015). The REporting of studies Conducted using Observational Routinely-collected health Data
(RECORD) statement. PLoS Medicine 12, e1001885. https://doi.org/10.1371/journal.pmed.1001885
"""

from functools import partial
from typing import Any

import pandas as pd

from ssinfer.foreign import joined, own
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.table import ReportTable
from ssinfer.sentences import in_words, say

TO_DO = "to_do"  # the answer that a study does not know
#: The answer to each item, by number: the id ``checklist.answer.<answer>``; items that extend another have its number.
LISTS = {
    "cheers": (
        "1:title 2:summary 3:question 4:plan 5:population 6:windows 7:comparators 8:payer 9:horizon 10:discount "
        "11:health 12:health 13:health 14:costs 15:currency 16:methods 17:analysis 18:subgroups 19:distribution "
        "20:uncertainty 21:to_do 22:parameters 23:result 24:uncertainty 25:to_do 26:limits 27:to_do 28:to_do"
    ),
    "record": (
        "1:title 1.1:data 1.2:windows 1.3:linkage 2:to_do 3:question 4:design 5:windows 6:population 6.1:selection "
        "6.2:to_do 6.3:linkage 7:outcome 7.1:codes 8:data 9:bias 10:size 11:outcome 12:analysis 12.1:to_do "
        "12.2:cleaning 12.3:linkage 13:size 13.1:selection 14:to_do 15:paths 16:result 17:subgroups 18:result "
        "19:limits 19.1:to_do 20:to_do 21:limits 22:to_do 22.1:code"
    ),
}
OF_CLAIMS = ("linkage", "selection", "codes", "cleaning")  # answers that a study on other data does not know
SECTIONS = ("comparison", "case-section", "thresholds-section", "evidence", "sensitivity", "counting", "transport")


def _rows(analysis: Analysis, name: str) -> pd.DataFrame:
    result, facts = analysis.result, _facts(analysis)
    known = {"plan": "signed" if result.agreement or result.manifest.get("agreement") else "plan"}
    known |= {} if result.claims is not None else dict.fromkeys(OF_CLAIMS, TO_DO)
    known |= {} if result.backtest is not None else dict.fromkeys(("bias", "uncertainty"), TO_DO)
    known |= {} if analysis.has_saving else dict.fromkeys(("result", "paths"), TO_DO)
    records = []
    for number, answer in (entry.split(":") for entry in LISTS[name].split()):
        said = say(f"checklist.answer.{known.get(answer, answer)}", **facts)
        records.append((number, say(f"checklist.{name}.{number}"), said))
    return pd.DataFrame(records, columns=["item", "topic", "answer"], dtype=object)


def _facts(analysis: Analysis) -> dict[str, Any]:
    """Return what the answers of both lists name."""
    result, manifest, pair = analysis.result, analysis.result.manifest, analysis.main
    design = result.designs[pair[0]] if pair[0] in result.designs else next(iter(result.designs.values()))
    data = result.data_label
    facts: dict[str, Any] = {name: own(getattr(result, name)) for name in ("title", "question")}
    facts |= {"data": own(data) if isinstance(data, str) else in_words(data), "group": analysis.group}
    facts |= {name: span(getattr(design, name)) for name in ("baseline", "performance")}
    facts |= {"currency": result.currency, "units": len(result.panel.units), "n_designs": len(result.designs)}
    facts |= {"methods": joined(map(analysis.method, result.methods), ", "), "hash": str(manifest.get("study_hash"))}
    facts |= {"version": str(manifest.get("ssinfer")), "seed": str(manifest.get("seed"))}
    return facts | {name.partition("-")[0]: say(f"section.{name}") for name in SECTIONS}


TABLES = tuple(
    ReportTable(name, "checklists", order, partial(_rows, name=name), "item topic answer", folded=True)
    for order, name in enumerate(LISTS, 10)
)
