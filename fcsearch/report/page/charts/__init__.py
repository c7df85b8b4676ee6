"""The page's charts: Vega-Lite specifications, made of plain JSON."""

from fcsearch.report.page.charts.figure import CONFIG, Figure, Spec

__all__ = ["CONFIG", "Figure", "Spec"]
