"""Fixtures: runs to read and to write. A conftest imports those that its tests need."""

import shutil
from pathlib import Path

import pytest
from synthetic_run import make_run

from fcsearch.results import Manifest, RunDirectory


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished run of 48 trials; not to be changed."""
    return make_run(tmp_path_factory.mktemp("made") / "synthetic")


@pytest.fixture
def run(made_run: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of the finished run, to be changed at will."""
    shutil.copytree(made_run.path, tmp_path / "synthetic")
    return RunDirectory.open(tmp_path / "synthetic")


@pytest.fixture
def empty_run(tmp_path: Path) -> RunDirectory:
    """A run with no rows yet."""
    return RunDirectory.create(tmp_path / "runs" / "new", Manifest(name="new", state="running"))
