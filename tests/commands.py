"""Commands, called in this process."""

import io
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fcsearch.cli import cli


class Terminal(io.StringIO):
    """Output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def ran(*arguments: object) -> Result:
    """What a command wrote; it must have succeeded."""
    result = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def output_of(*arguments: object) -> str:
    """What a command shows."""
    return ran(*arguments).output


def json_of(*arguments: object) -> Any:
    """What a command tells programs."""
    return json.loads(ran(*arguments, "--format", "json").stdout)


def exported(where: object, out: Path, *arguments: str) -> str:
    """The card beside the model that `fcsearch export` writes."""
    ran("export", where, "--out", out, *arguments)
    return out.with_name(out.name + ".md").read_text()
