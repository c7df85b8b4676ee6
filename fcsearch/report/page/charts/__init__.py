"""The page's charts: Vega-Lite specifications, made of plain JSON."""

from fcsearch.report.page.charts.figure import CONFIG, Figure
from fcsearch.report.page.charts.grammar import Spec

__all__ = ["CONFIG", "Figure", "Spec"]
