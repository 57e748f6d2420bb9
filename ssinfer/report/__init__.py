"""The report: a study's result summarised, as plain data, in one self-contained HTML file."""

from ssinfer.report.write import write_report as write_report
