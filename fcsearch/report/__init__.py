"""The report of a run, from its directory alone: text, HTML, JSON."""

from typing import TYPE_CHECKING

from fcsearch.first_use import on_first_use

if TYPE_CHECKING:
    from fcsearch.report.build import build_report
    from fcsearch.report.known import known_measurements
    from fcsearch.report.measured import FinalTest
    from fcsearch.report.model import Report
    from fcsearch.report.running_page import RunningPage
    from fcsearch.report.terminal import render_text
    from fcsearch.report.write import render_json, report_of, write_report

__all__ = [
    "FinalTest",
    "Report",
    "RunningPage",
    "build_report",
    "known_measurements",
    "render_json",
    "render_text",
    "report_of",
    "write_report",
]

__getattr__ = on_first_use(
    __name__,
    {
        "build": ("build_report",),
        "known": ("known_measurements",),
        "measured": ("FinalTest",),
        "model": ("Report",),
        "running_page": ("RunningPage",),
        "terminal": ("render_text",),
        "write": ("render_json", "report_of", "write_report"),
    },
)
