"""Fixtures: runs to read and to write. A conftest imports those that its tests need."""

import shutil
from pathlib import Path

import pytest
from synthetic_run import digits, make_run, save_model, trial_row

from fcsearch.results import Manifest, RunDirectory, open_run


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


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run on digits that says how features are made; not to be changed."""
    run = make_run(tmp_path_factory.mktemp("digits") / "digits", trials=16, models=0)
    run.keep_transform(digits().transform)
    for trial in (open_run(run.path).best["trial_id"], 0):
        save_model(run, trial_row(trial))
    return run
