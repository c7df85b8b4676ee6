"""What tells a URL from a path. It imports nothing: options are read before any library is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeGuard

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


def is_url(text: str | Path | None) -> TypeGuard[str]:
    """Whether this is a URL rather than a path."""
    return isinstance(text, str) and URL.fullmatch(text) is not None
