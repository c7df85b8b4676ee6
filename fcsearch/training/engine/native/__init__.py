"""Kernels in C, for one CPU thread or a GPU: optional, compiled where they run; torch operations are their oracle."""

from fcsearch.training.engine.native.binding import CallSite, Kernel
from fcsearch.training.engine.native.layout import Call
from fcsearch.training.engine.native.library import kernels, without_kernels

__all__ = ["Call", "CallSite", "Kernel", "kernels", "without_kernels"]
