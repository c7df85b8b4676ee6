"""Kernels in C, for one CPU thread or a GPU: optional, compiled where they run; torch operations are their oracle."""

from fcsearch.training.engine.native.binding import CallSite, Kernel
from fcsearch.training.engine.native.layout import Call
from fcsearch.training.engine.native.library import kernels, step_functions, without_kernels
from fcsearch.training.engine.native.structs import StepFunctions

__all__ = ["Call", "CallSite", "Kernel", "StepFunctions", "kernels", "step_functions", "without_kernels"]
