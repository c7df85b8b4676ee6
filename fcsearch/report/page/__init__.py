"""The report as a single HTML file: charts, the code that draws them, and their data are inside it."""

from fcsearch.report.page.charts.regression import Predicted, predicted_by
from fcsearch.report.page.render import render_html

__all__ = ["Predicted", "predicted_by", "render_html"]
