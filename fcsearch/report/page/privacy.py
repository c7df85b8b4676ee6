"""What a page that is passed on must not say: where on which machine the run lies, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

# A path from the root, and what it ends in; the latter is told. A URL, a date and a fraction are none.
_PATH = re.compile(r"(?<![\w.:/\\<-])(?:~|[A-Za-z]:(?=\\))?[/\\](?:[^\s/\\'\"`<>,;:()]+[/\\])+([^\s/\\'\"`<>,;:()]*)")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?")
_SERVICE = re.compile(r"\b(ray|https?|ssh)://[^\s/'\"]+")
# A shorter name, or one of letters alone, may be a word of the language.
_LEAST_NAME = 4


class Privacy:
    """Replaces paths, addresses and names of machines in a text."""

    def __init__(self, nodes: Iterable[str], *, host: str | None = None, folders: Iterable[Path] = ()) -> None:
        """Take what is known to be private.

        Args:
            nodes: Machines that trained, in the order in which they are to be numbered.
            host: The machine that drove the search.
            folders: Paths that may hold spaces, by which a path in a text could not be told from words.
        """
        self.nodes: Mapping[str, str] = {
            node: f"machine {number}" for number, node in enumerate(dict.fromkeys(nodes), 1)
        }
        names = {**({host: "the driver"} if host else {}), **self.nodes}
        self._names = [(_whole(name), alias) for name, alias in names.items() if _is_distinct(name)]
        known = {str(folder): folder.name for folder in folders if len(folder.parts) > 1} | _home()
        self._folders = sorted(known.items(), key=lambda pair: -len(pair[0]))

    def of(self, text: str) -> str:
        """The text without them; of a path its last part stays."""
        for folder, name in self._folders:
            text = text.replace(folder, name)
        text = _SERVICE.sub(r"\1://ADDRESS", text)
        text = _ADDRESS.sub("ADDRESS", _PATH.sub(r"\1", text))
        for pattern, alias in self._names:
            text = pattern.sub(alias, text)
        return text

    def node(self, name: str | None) -> str:
        """What a machine is called on the page."""
        return self.nodes.get(name or "", "a machine")


def _home() -> dict[str, str]:
    """The user's folder, whose name is the user's as a rule, and what stands for it."""
    try:
        home = Path.home()
    except RuntimeError:  # nobody knows of one
        return {}
    return {str(home): "~"} if len(home.parts) > 1 else {}


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


def _is_distinct(name: str) -> bool:
    return len(name) >= _LEAST_NAME and not name.isalpha()
