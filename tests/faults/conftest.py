"""fcsearch in processes of its own, which are to be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from search_processes import Processes, processes


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Processes]:
    """`fcsearch` in processes of its own."""
    with processes(tmp_path) as found:
        yield found
