"""Several runs side by side: at equal trials, in equal time, over seeds, and whether they can be compared at all."""

from fcsearch.comparison.comparable import Check
from fcsearch.comparison.compare import Comparison, Course, Step, compare_runs
from fcsearch.comparison.page import comparison_page
from fcsearch.comparison.standing import Lead, Section, Standing

__all__ = ["Check", "Comparison", "Course", "Lead", "Section", "Standing", "Step", "compare_runs", "comparison_page"]
