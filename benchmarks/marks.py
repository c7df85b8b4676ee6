"""Tables in a Markdown document, between marks that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence


def insert(text: str, tables: Mapping[str, str]) -> tuple[str, list[str]]:
    """Put tables between their marks, `<!-- NAME -->` and `<!-- end -->`.

    Args:
        text: The document.
        tables: Markdown by name.

    Returns:
        The document, and the names in it that have no table and keep what stands there.
    """
    missing = []

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name not in tables:
            missing.append(name)
            return match[0]
        return f"<!-- {name} -->\n{tables[name]}\n<!-- end -->"

    return re.sub(r"<!-- ([\w.-]+) -->\n.*?<!-- end -->", replaced, text, flags=re.DOTALL), missing


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the first column is on the left, the others on the right."""
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)
