"""The engine of packs, held to the plain net of `fcsearch.nn` on this machine: in pieces, and in whole training."""

from fcsearch.training.checks.runner import run_engine_checks

__all__ = ["run_engine_checks"]
