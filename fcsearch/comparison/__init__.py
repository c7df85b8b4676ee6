"""Several runs side by side: at equal trials, in equal time, over seeds, and whether they can be compared at all."""

from fcsearch.comparison.compare import Comparison, compare_runs
from fcsearch.comparison.page import comparison_page
from fcsearch.comparison.standing import Section

__all__ = ["Comparison", "Section", "compare_runs", "comparison_page"]
