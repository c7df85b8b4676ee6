"""Values as YAML has them, in flow style."""

from __future__ import annotations

import re
from typing import Any

# After a dot may come a number: `.5`, `.inf`.
_PLAIN = re.compile(r"(?:[A-Za-z_/~]|\.{1,2}/)[A-Za-z0-9_./~-]*")
# Words that some reader of YAML takes for something else than a text.
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}


def flow(value: Any) -> str:
    """A JSON value."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    return "null" if value is None else repr(value)


def quoted(text: str) -> str:
    """A text: plain where every reader takes that for the same text, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return in_quotes(text)


def in_quotes(text: str) -> str:
    """A text in double quotes, whatever it is."""
    signs = (f"\\{sign}" if sign in '"\\' else printable(sign) for sign in text)
    return f'"{"".join(signs)}"'


def printable(text: str) -> str:
    """A text without what would end a line or is no YAML, written as YAML's escapes."""
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in text)
