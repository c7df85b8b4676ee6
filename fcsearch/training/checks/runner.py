"""Runs the engine's checks in every way that a device computes."""

from __future__ import annotations

import contextlib

import torch

from fcsearch.nn.gradcheck import PLAIN_NET, Check
from fcsearch.training.checks.pieces import piece_checks
from fcsearch.training.checks.way import KERNELS, TORCH, Way
from fcsearch.training.checks.whole import training_cases, training_checks
from fcsearch.training.engine.native import kernels, runs_compiled, without_kernels
from fcsearch.training.threads import threads_for


def run_engine_checks(device: torch.device) -> list[Check]:
    """Hold the engine to the plain net on a device: by kernels where there are any, and by torch operations."""
    checks: list[Check] = []
    # With one thread, as a worker has it; the kernels run with no more.
    with threads_for(0):
        cases = training_cases(device)
        for way in _ways(device):
            with contextlib.nullcontext() if way.arithmetic == KERNELS else without_kernels():
                # Steps in C are compared as wholes.
                if way.arithmetic == TORCH or kernels(device, way.dtype) is not None:
                    checks += piece_checks(way)
                for case in cases:
                    checks += training_checks(case, way)
    return checks


def _ways(device: torch.device) -> list[Way]:
    return [
        Way(device, dtype, arithmetic)
        for arithmetic in (KERNELS, TORCH)
        for dtype in PLAIN_NET
        if arithmetic == TORCH or runs_compiled(device, dtype)
    ]
