"""Optuna's CMA-ES sampler, which keeps its state as a pickle in the journal: read so that it can run nothing."""

from __future__ import annotations

import io
import pickle
from typing import Any

import optuna

from fcsearch.errors import RunError

# What the state of the package cmaes consists of.
_KNOWN = {
    ("cmaes._cma", "CMA"),
    ("cmaes._sepcma", "SepCMA"),
    ("cmaes._cmawm", "CMAwM"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
}


class CmaEsSampler(optuna.samplers.CmaEsSampler):
    """As Optuna's, on a journal that anybody may have written."""

    def _restore_optimizer(self, completed_trials: list[optuna.trial.FrozenTrial]) -> Any:
        for trial in reversed(completed_trials):
            prefix = self._attr_key_optimizer
            parts = {name: value for name, value in trial.system_attrs.items() if name.startswith(prefix)}
            if parts:
                return restore(self._concat_optimizer_attrs(parts), trial.number)
        return None


def restore(text: str, trial: int) -> Any:
    """The state that was written as hexadecimal digits.

    Args:
        text: The digits.
        trial: The trial that holds them, for the error.

    Raises:
        RunError: they name anything but the state of CMA-ES.
    """
    try:
        return _Reader(io.BytesIO(bytes.fromhex(text))).load()
    except Exception as error:  # bytes that anybody may have written can raise anything
        raise RunError(
            f"the journal must hold CMA-ES's own state; found in trial {trial}: {type(error).__name__}: {error}; put "
            "back a copy of study.journal, or search on with another sampler in a new run"
        ) from error


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        """A class or function of the state; UnpicklingError for any other."""
        if (module_name, global_name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module_name}.{global_name}")
        return super().find_class(module_name, global_name)
