"""The report of a run, from its directory alone: text, HTML, JSON."""

from fcsearch.report.build import build_report
from fcsearch.report.elsewhere import measure_moved, measure_other, model_transform
from fcsearch.report.evaluation import load_run_dataset, measure
from fcsearch.report.model import FinalTest, Measurement, Report
from fcsearch.report.text import render_text
from fcsearch.report.write import known_test_result, known_validation, measure_best, render_json, write_report

__all__ = [
    "FinalTest",
    "Measurement",
    "Report",
    "build_report",
    "known_test_result",
    "known_validation",
    "load_run_dataset",
    "measure",
    "measure_best",
    "measure_moved",
    "measure_other",
    "model_transform",
    "render_json",
    "render_text",
    "write_report",
]
