"""What `fcsearch evaluate` says of a run."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from fcsearch.cli.evaluate import evaluate
from fcsearch.results import RunDirectory


def found(run: RunDirectory, *arguments: str) -> dict[str, Any]:
    """Its JSON, with these arguments too."""
    result = CliRunner().invoke(evaluate, [str(run.path), *arguments, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value
