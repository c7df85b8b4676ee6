"""`fcsearch export`, called."""

from pathlib import Path

from click.testing import CliRunner

from fcsearch.cli.export import export


def exported(where: object, out: Path, *arguments: str) -> str:
    """The card beside the model that the command writes."""
    result = CliRunner().invoke(export, [str(where), "--out", str(out), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out.with_name(out.name + ".md").read_text()
