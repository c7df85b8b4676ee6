"""The report of a run, from its directory alone: text, HTML, JSON."""

from fcsearch.report.build import build_report
from fcsearch.report.model import FinalTest, Report
from fcsearch.report.terminal import render_text
from fcsearch.report.write import known_test_result, known_validation, measure_best, render_json, write_report

__all__ = [
    "FinalTest",
    "Report",
    "build_report",
    "known_test_result",
    "known_validation",
    "measure_best",
    "render_json",
    "render_text",
    "write_report",
]
