"""Lines that begin in another column than the keys beside them: named where that is why YAML cannot be read."""

from __future__ import annotations

# What YAML says of such lines, among others.
_SYMPTOMS = ("mapping values are not allowed", "but found '<block mapping start>'")


def uneven_indentation(text: str, last: int, problem: str) -> str:
    """The end of a message about text that YAML cannot read, if its last line is indented unlike all above; else empty.

    Args:
        text: The document.
        last: The line, from 1, where YAML noticed.
        problem: What it said.
    """
    lines = [line for line in text.splitlines()[:last] if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2 or not any(symptom in problem for symptom in _SYMPTOMS):
        return ""
    *above, own = map(_column, lines)
    open_columns: list[int] = []
    for column in above:
        open_columns = [*(other for other in open_columns if other < column), column]
    if own in open_columns:
        return ""
    columns = " or ".join(map(str, open_columns))
    return f"; line {last} begins in column {own}, but no key above it does: indent it to column {columns}"


def _column(line: str) -> int:
    """Where the first key of a line begins, from 1, behind the dashes of a list."""
    return len(line) - len(line.lstrip(" -")) + 1
