"""Prints the study that `make demo` runs: on Vektis data if its files are on this machine, else on simulated claims."""

import sys

from ssinfer.datasets.vektis.file import vektis_path
from ssinfer.errors import DatasetError

YEARS = range(2011, 2023)  # of case_studies/dutch_municipalities

try:
    for year in YEARS:
        vektis_path(year)
except DatasetError as error:
    sys.stderr.write(f"Simulated claims, because the Vektis data are not on this machine. {error}\n")
    sys.stdout.write("case_studies/kerngezond_vlissingen/demo.toml\n")
else:
    sys.stderr.write("Real data: Vektis, spending per Dutch municipality.\n")
    sys.stdout.write("case_studies/dutch_municipalities/study.toml\n")
