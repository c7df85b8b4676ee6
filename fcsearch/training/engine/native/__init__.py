"""Kernels in C for one CPU thread: optional, compiled where they run, with torch operations as oracle and fallback."""

from fcsearch.training.engine.native.binding import Call, CallSite, Kernel
from fcsearch.training.engine.native.library import kernels, without_kernels

__all__ = ["Call", "CallSite", "Kernel", "kernels", "without_kernels"]
