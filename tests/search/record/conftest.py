"""Runs for the tests of what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_helpers import make_run, make_space

from fcsearch.results import RunDirectory
from fcsearch.space import SearchSpace


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return make_space(tmp_path)


@pytest.fixture
def run(tmp_path: Path, space: SearchSpace) -> RunDirectory:
    return make_run(tmp_path, space)
