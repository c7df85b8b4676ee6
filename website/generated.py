"""The parts of the documentation that are made of the program: written between their marks in docs/.

A part stands between `<!-- made: NAME -->` and `<!-- end -->`. `make docs` writes them anew, and a test finds those
that are not current.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from commands_reference import commands_markdown
from keys_reference import keys_markdown, parameters_markdown

from fcsearch.results import CONFIRMATIONS, EPOCHS, MODELS, PREDICTIONS, TRIALS

DOCS = Path(__file__).parents[1] / "docs"


def columns_markdown(schema: pa.Schema) -> str:
    """The schema as a Markdown table of column, type, unit and meaning."""
    lines = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for field in schema:
        kind = str(field.type).replace("element: ", "").replace("item: ", "")
        text, unit = (field.metadata[key].decode() for key in (b"description", b"unit"))
        lines.append(f"| `{field.name}` | {kind} | {unit} | {text} |")
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands_markdown,
    "keys": keys_markdown,
    "parameters": parameters_markdown,
    "columns of trials": lambda: columns_markdown(TRIALS),
    "columns of epochs": lambda: columns_markdown(EPOCHS),
    "columns of confirmations": lambda: columns_markdown(CONFIRMATIONS),
    "columns of predictions": lambda: columns_markdown(PREDICTIONS),
    "columns of models": lambda: columns_markdown(MODELS),
}
_PART = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def current(page: Path) -> str:
    """What a page says once its parts are written anew."""
    return _PART.sub(lambda part: part[1] + PARTS[part[2]]() + part[3], page.read_text("utf-8"))


def parts_of(page: Path) -> list[str]:
    """The names of a page's parts."""
    return [part[2] for part in _PART.finditer(page.read_text("utf-8"))]


def main() -> None:
    """Write every part anew."""
    for page in sorted(DOCS.glob("*.md")):
        text = current(page)
        if text != page.read_text("utf-8"):
            page.write_text(text, "utf-8")
            print(f"wrote {page.name}")


if __name__ == "__main__":
    main()
