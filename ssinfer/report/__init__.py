"""Report of a study: its result as plain data, written as one self-contained HTML file."""

from ssinfer.report.write import write_report as write_report
