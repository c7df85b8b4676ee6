"""Commands do without pandas, which pyarrow imports to recognise its objects: a command has none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def leave_out_pandas() -> None:
    """Have pyarrow, when it is imported, take it that there is no pandas: a fifth of a second less for each command.

    It asks only once, as it makes its first array. pandas itself can be imported as ever, and `Table.from_pandas` and
    `to_pandas` work: they import it.
    """
    if not {"pandas", "pyarrow"} & set(sys.modules):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds nothing; hears of the first import after that of pyarrow's core, and has it ask for pandas then."""

    def __init__(self) -> None:
        self._asked = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if self._asked and fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        make = getattr(sys.modules.get("pyarrow.lib"), "array", None)
        if not self._asked and make is not None and fullname.startswith("pyarrow."):
            self._asked = True
            # pandas imports pyarrow, too: then it is there, and not ready to be asked for.
            if "pandas" not in sys.modules:
                with contextlib.suppress(Exception):
                    make([0])
            # Not in place: importlib goes through the list.
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]
        return None
