"""Several runs side by side: at equal trials, in equal time, over seeds, and whether they can be compared at all."""

from fcsearch.comparison.comparable import Check
from fcsearch.comparison.compare import Comparison, compare_runs
from fcsearch.comparison.standing import Lead, Section, Standing

__all__ = ["Check", "Comparison", "Lead", "Section", "Standing", "compare_runs"]
