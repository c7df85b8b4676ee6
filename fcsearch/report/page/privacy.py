"""Hides what a page that is passed on must not tell: the paths, machines and users of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

# An absolute path, and its last part, which is kept. URLs, dates and fractions do not match.
_PATH = re.compile(r"(?<![\w.:/\\<-])(?:~|[A-Za-z]:(?=\\))?[/\\](?:[^\s/\\'\"`<>,;:()]+[/\\])+([^\s/\\'\"`<>,;:()]*)")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?")
_SERVICE = re.compile(r"\b(ray|https?|ssh)://[^\s/'\"]+")
# A shorter name, or one of only letters, may be an ordinary word.
_LEAST_NAME = 4


class Privacy:
    """Replaces paths, addresses and names of machines in a text."""

    def __init__(self, nodes: Iterable[str], *, host: str | None = None, folders: Iterable[Path] = ()) -> None:
        """Take what is known to be private.

        Args:
            nodes: Machines that trained, in the order of their numbers.
            host: The machine that drove the search.
            folders: Paths that may contain spaces, and so could not be recognised in a text.
        """
        self.nodes: Mapping[str, str] = {
            node: f"machine {number}" for number, node in enumerate(dict.fromkeys(nodes), 1)
        }
        names = {**({host: "the driver"} if host else {}), **self.nodes}
        self._names = [(_whole(name), alias) for name, alias in names.items() if _is_distinct(name)]
        known = {str(folder): folder.name for folder in folders if len(folder.parts) > 1} | _home()
        self._folders = sorted(known.items(), key=lambda pair: -len(pair[0]))

    def of(self, text: str) -> str:
        """The text without them; the last part of a path is kept."""
        for folder, name in self._folders:
            text = text.replace(folder, name)
        text = _SERVICE.sub(r"\1://ADDRESS", text)
        text = _ADDRESS.sub("ADDRESS", _PATH.sub(r"\1", text))
        for pattern, alias in self._names:
            text = pattern.sub(alias, text)
        return text

    def node(self, name: str | None) -> str:
        """The page's name for a machine."""
        return self.nodes.get(name or "", "a machine")


def _home() -> dict[str, str]:
    """The user's home folder, which usually contains the user's name, and its replacement."""
    try:
        home = Path.home()
    except RuntimeError:  # there is none
        return {}
    return {str(home): "~"} if len(home.parts) > 1 else {}


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


def _is_distinct(name: str) -> bool:
    return len(name) >= _LEAST_NAME and not name.isalpha()
