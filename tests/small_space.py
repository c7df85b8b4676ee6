"""A folder with a small space, in which `fcsearch run` is called."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fcsearch.cli.run import run

SPACE = """
name: small
dataset: {source: digits, num_train: 400}
sampler: random
trials: 4
parameters: {learning_rate: {low: 1e-3, high: 1e-1, log: true}, epochs: 2, hidden_dim: 16}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(run, ["--space", "space.yaml", *arguments], catch_exceptions=False)
