"""The engine of packs, compared with the plain net of `fcsearch.nn` on this machine: in pieces and whole trainings."""

from fcsearch.training.checks.runner import run_engine_checks

__all__ = ["run_engine_checks"]
