"""Kernels in C for one CPU thread: optional, compiled where they run, with torch operations as oracle and fallback."""

from fcsearch.training.engine.native.library import Layout, kernels, pointer

__all__ = ["Layout", "kernels", "pointer"]
