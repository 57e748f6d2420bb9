"""Medicare spending per US county, 2003 to 2014 (The Dartmouth Atlas of Health Care), as a panel."""

from pathlib import Path

from ssinfer.arguments import checked
from ssinfer.datasets.io.catalogue import DARTMOUTH
from ssinfer.datasets.io.csv import read_published, refuse_twice
from ssinfer.errors import DatasetError
from ssinfer.panel import Panel

YEARS = range(2003, 2015)
LAST_SAMPLED = 2009
NUMBERS = ["year", "medicare_enrollees", "total_asr", "total_price_asr"]


@checked(DatasetError)
def load_dartmouth(*, price_adjusted: bool = False, folder: str | Path | None = None) -> Panel:
    """Return Medicare spending per enrollee of US counties, 2003 to 2014, age-sex-race adjusted, in USD.

    Spending of 2003-2009 was measured on a 20% sample, and spending of 2010-2014 on all enrollees. `insured_years` are
    the **persons observed**: the sample to 2009, all enrollees from 2010. The sampling noise of a mean depends on them.
    They increase fivefold in 2010. Multiply them by the covariate `enrollees_per_person` (5 to 2009, then 1) to weigh
    money. Units are five-digit county FIPS codes; a county with a missing year is left out.

    `price_adjusted` takes spending at national prices (``total_price_asr``) in place of spending as paid. The default
    folder is ``SSINFER_DATA_DIR/dartmouth``. DatasetError: the file is absent, damaged, or has duplicate rows. Source:
    The Dartmouth Atlas of Health Care, county-level Medicare reimbursements. https://data.dartmouthatlas.org
    """
    columns = ["county_fips", "county_name", *NUMBERS]
    text = {"county_fips": str}
    frame = read_published("dartmouth", DARTMOUTH, folder, columns=columns, numbers=NUMBERS, text=text)
    refuse_twice(DARTMOUTH, frame, ["county_fips", "year"])
    spending = "total_price_asr" if price_adjusted else "total_asr"
    full = frame.dropna(subset=[spending, "medicare_enrollees"])
    complete = full.groupby("county_fips")["year"].transform("nunique") == len(YEARS)
    full = full[complete].sort_values(["county_fips", "year"])
    full = full.assign(enrollees_per_person=(full["year"] <= LAST_SAMPLED) * 4.0 + 1.0)
    persons, covariates = "medicare_enrollees", ["enrollees_per_person"]
    return Panel.from_frame(full, "county_fips", "year", spending, insured_years=persons, covariates=covariates)
