"""Packages whose names are imported when they are first used (PEP 562).

A search hands out its first packs before it imports torch: a package whose modules need torch must not import them all
because one of its modules that does not is wanted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def on_first_use(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of such a package.

    Args:
        package: The package's own name.
        names: The names that each module of the package (without the package's name) defines.
    """
    homes = {name: module for module, found in names.items() for name in found}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get
