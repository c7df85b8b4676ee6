"""The one line of an error that tells its cause. To import this module takes no library."""

from __future__ import annotations

import re

# The line of a traceback that names its exception: `RuntimeError: out of memory`.
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b(:|$)")


def cause_of(text: str) -> str:
    """One line of what Ray, or Python, says of an error: that which names the exception, or the first of Ray's own."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if _EXCEPTION.match(line)]
    return (named or [*lines, ""])[-1 if named else 0]
