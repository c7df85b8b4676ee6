"""`fcsearch export`, called."""

from pathlib import Path

from commands import ran


def exported(where: object, out: Path, *arguments: str) -> str:
    """The card beside the model that the command writes."""
    ran("export", where, "--out", out, *arguments)
    return out.with_name(out.name + ".md").read_text()
