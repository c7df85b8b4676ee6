"""The report of a run, from its directory alone: text, HTML, JSON."""

from fcsearch.report.build import build_report
from fcsearch.report.elsewhere import measure_moved, measure_other, model_transform
from fcsearch.report.evaluation import load_run_dataset, measure, measure_model
from fcsearch.report.measurement import FinalTest, Measured, Measurement
from fcsearch.report.model import Report
from fcsearch.report.text import render_text
from fcsearch.report.write import known_measurements, measure_models, render_json, write_report

__all__ = [
    "FinalTest",
    "Measured",
    "Measurement",
    "Report",
    "build_report",
    "known_measurements",
    "load_run_dataset",
    "measure",
    "measure_model",
    "measure_models",
    "measure_moved",
    "measure_other",
    "model_transform",
    "render_json",
    "render_text",
    "write_report",
]
