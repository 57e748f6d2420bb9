"""Published Dutch means to which the simulators are calibrated.

Source: Vektis open data 2018 (Zorgverzekeringswet, all municipalities), national totals per sex and age class,
rounded: EUR per insured-year and thousands of insured-years, without the pooled small cells. Bron: Vektis.
"""

import numpy as np

from ssinfer.typing import Floats

# Lower bounds of the age classes: five years each, 90 and over in one.
AGE_CLASSES = tuple(range(0, 95, 5))


def _by_age(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float64)


# EUR per insured-year, 2018, by sex and age class.
MEAN_SPENDING = {
    "M": _by_age("2137 1150 992 1050 1044 1091 1181 1276 1447 1683 2031 2630 3375 4236 5308 6771 8037 9533 11199"),
    "V": _by_age("1734 941 900 1227 1491 2049 2496 2176 1908 2044 2350 2738 3217 3849 4674 5993 7332 9117 10444"),
}
# Thousands of insured-years, 2018, by sex and age class.
INSURED = {
    "M": _by_age("395 465 485 527 514 538 523 503 499 606 632 609 544 493 449 289 187 97 40"),
    "V": _by_age("376 442 462 502 497 531 522 507 509 614 631 613 550 502 470 327 246 166 102"),
}

# Mean of 2018 over all insured, and growth per year 2015 to 2022.
NATIONAL_MEAN = 2601.0
NATIONAL_GROWTH = 0.031

# By category: EUR per insured-year in 2018; assumed share of the claim lines; assumed SD of the log amount of a line.
_CATEGORIES = {
    "hospital": (1362.5, 0.10, 1.4),
    "pharmacy": (278.8, 0.34, 1.0),
    "district nursing": (212.1, 0.03, 0.8),
    "mental health": (206.9, 0.03, 0.8),
    "general practice": (199.2, 0.32, 0.4),
    "medical devices": (86.9, 0.03, 0.8),
    "paramedical": (44.5, 0.05, 0.8),
    "dental": (43.7, 0.03, 0.8),
    "geriatric rehabilitation": (43.4, 0.001, 0.8),
    "transport": (40.1, 0.014, 0.8),
    "maternity": (30.6, 0.005, 0.8),
    "other": (52.5, 0.05, 0.8),
}
CATEGORY_MEANS = {category: mean for category, (mean, _, _) in _CATEGORIES.items()}
LINE_SHARES, LINE_SD = np.array([row[1:] for row in _CATEGORIES.values()]).T


def spending_by_age(sex: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return the published mean of 2018 for each sex ("M" or "V") and age in years."""
    band = np.minimum(np.maximum(age, 0) // 5, len(AGE_CLASSES) - 1)
    return np.asarray(np.where(sex == "M", MEAN_SPENDING["M"][band], MEAN_SPENDING["V"][band]))
