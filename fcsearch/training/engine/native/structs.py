"""The structs of losses.c and steps.c, and the functions that take them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch

_EXTENT, _ADDRESS = ctypes.c_longlong, ctypes.c_void_p


def _extents(*names: str) -> list[tuple[str, Any]]:
    return [(name, _EXTENT) for name in names]


def _addresses(*names: str) -> list[tuple[str, Any]]:
    return [(name, _ADDRESS) for name in names]


def _lane_fields(real: Any) -> list[tuple[str, Any]]:
    return [
        *_extents(
            "rows", "layers", "members", "block", "activation", "width", "numbers", "frequencies", "embedding_dim"
        ),
        *_addresses("dims", "weights_at", "bias_at", "hidden_at", "embedding_at"),
        *_extents("rest", "regularised"),
        *_addresses("gemm", "hidden", "slopes"),
        ("dhidden", _ADDRESS * 2),
        *_addresses("scores", "statistics", "ones", "dfirst", "drest", "turned", "dropped"),
        *_addresses("waves", "features", "dwaves", "dfeatures"),
        ("input_threshold", real),
        ("input_scale", real),
    ]


def _member_fields(real: Any) -> list[tuple[str, Any]]:
    return [
        *_addresses("first", "rest"),
        ("state_first", _ADDRESS * 2),
        ("state_rest", _ADDRESS * 2),
        *_addresses("settings"),
        *_extents("settings_step", "settings_next", "rule", "loss", "drops"),
        *[(name, real) for name in ("threshold", "scale", "double_reg")],
        *_addresses("decay"),
        *[(name, real) for name in ("kept", "spread", "delta")],
        ("total", ctypes.c_double),
    ]


def _by_type(name: str, fields: Callable[[Any], list[tuple[str, Any]]]) -> dict[torch.dtype, Any]:
    reals = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
    return {dtype: type(name, (ctypes.Structure,), {"_fields_": fields(real)}) for dtype, real in reals.items()}


# The C structs `lane` and `member` in each precision; see losses.c.
LANES = _by_type("lane", _lane_fields)
MEMBERS = _by_type("member", _member_fields)


class StepFunctions:
    """The functions `train_steps` and `score_rows` of steps.c.

    Args:
        library: What the compiler made.
        gemm: The address of the product that it calls.
    """

    def __init__(self, library: ctypes.CDLL, gemm: int) -> None:
        self.gemm = gemm
        P, N = _ADDRESS, _EXTENT
        self.train_steps = library.train_steps
        self.train_steps.argtypes = [P, P, N, N, P, P, P, P, N, P, N]
        self.train_steps.restype = None
        self.score_rows = library.score_rows
        self.score_rows.argtypes = [P, P, P, P]
        self.score_rows.restype = None
