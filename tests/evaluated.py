"""What `fcsearch evaluate` says of a run."""

from typing import Any

from commands import json_of

from fcsearch.results import RunDirectory


def found(run: RunDirectory, *arguments: str) -> dict[str, Any]:
    """Its JSON, with these arguments too."""
    return json_of("evaluate", run.path, *arguments)
