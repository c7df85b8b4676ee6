"""The report of a run, from its directory alone: text, HTML, JSON."""

from fcsearch.report.build import build_report
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Report
from fcsearch.report.running_page import RunningPage
from fcsearch.report.terminal import render_text
from fcsearch.report.write import known_measurements, measure_models, render_json, write_report

__all__ = [
    "FinalTest",
    "Report",
    "RunningPage",
    "build_report",
    "known_measurements",
    "measure_models",
    "render_json",
    "render_text",
    "write_report",
]
