"""Steps in C for a CPU thread, kernels for a GPU: optional, compiled where they run; torch operations are an oracle."""

from fcsearch.training.engine.native.array_layout import Call
from fcsearch.training.engine.native.binding import CallSite, Kernel
from fcsearch.training.engine.native.library import kernels, runs_compiled, step_functions, without_kernels
from fcsearch.training.engine.native.structs import StepFunctions

__all__ = [
    "Call",
    "CallSite",
    "Kernel",
    "StepFunctions",
    "kernels",
    "runs_compiled",
    "step_functions",
    "without_kernels",
]
