"""Print the study that `make demo` runs: on real data where its files of Vektis are at hand, else simulated claims."""

import sys

from ssinfer.datasets.vektis.file import vektis_path
from ssinfer.errors import DatasetError

YEARS = range(2011, 2023)  # of case_studies/dutch_municipalities

try:
    for year in YEARS:
        vektis_path(year)
except DatasetError as error:
    sys.stderr.write(f"Simulated claims, because Vektis is not at hand. {error}\n")
    sys.stdout.write("case_studies/kerngezond_vlissingen/demo.toml\n")
else:
    sys.stderr.write("Real data: Vektis, spending per Dutch municipality.\n")
    sys.stdout.write("case_studies/dutch_municipalities/study.toml\n")
