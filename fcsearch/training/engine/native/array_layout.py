"""How the kernels walk over arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

Call = Callable[..., None]


class Layout(ctypes.Structure):
    """The C struct `layout`; see kernels.c."""

    _fields_ = [
        *((name, ctypes.c_longlong) for name in ("outer", "members", "inner")),
        *((f"{array}_{axis}", ctypes.c_longlong) for array in "abc" for axis in ("outer", "member")),
    ]
