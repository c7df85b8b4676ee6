"""Hides what is not to be passed on with a run: the paths, machines, addresses and users that it met."""

from __future__ import annotations

import contextlib
import getpass
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

# An absolute path, and its last part, which is kept. URLs, dates and fractions do not match.
_PATH = re.compile(r"(?<![\w.:/\\<-])(?:~|[A-Za-z]:(?=\\))?[/\\](?:[^\s/\\'\"`<>,;:()]+[/\\])+([^\s/\\'\"`<>,;:()]*)")
_FILE_URL = re.compile(r"\bfile:/{2}(?=/)")
_SERVICE = re.compile(r"\b(ray|https?|ssh|grpc|tcp)://[^\s/'\"]+")
_IPV4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?")
# What may be an IPv6 address: in brackets, with or without a port, or with at least two colons.
_IPV6 = re.compile(
    r"(?<![\w:.])(?:\[([0-9A-Fa-f:.]+)(?:%[\w.-]+)?\](?::\d+)?|([0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)(?:%[\w-]+)?)(?!\w)"
)
# Of these it must be: `1::2` is one, too, and is a slice in Python.
_IPV6_IN_USE = [
    ipaddress.IPv6Network(text)
    for text in ("2000::/3", "fc00::/7", "fe80::/10", "ff00::/8", "::1/128", "::ffff:0:0/96", "64:ff9b::/96")
]
_AT_MACHINE = re.compile(r"[\w.+-]+@(?=ADDRESS|machine \d|a machine|the driver)")
# A machine as workers name theirs: `name (address)`.
_NODE = re.compile(r"(\S+) \([^)]*\)")
_NUMBERED = re.compile(r"machine \d+")
# A shorter name, or one of only letters, may be an ordinary word.
_LEAST_NAME = 4


def numbered(number: int) -> str:
    """What a run's machine is called, by its number from 1."""
    return f"machine {number}"


def is_numbered(name: str) -> bool:
    """Whether a machine has such a name already."""
    return _NUMBERED.fullmatch(name) is not None


class Privacy:
    """Replaces paths, addresses, users and names of machines in a text.

    Args:
        nodes: Machines that trained, in the order of their numbers.
        host: The machine that drove the search.
        folders: Paths that may contain spaces, and so could not be recognised in a text.
    """

    def __init__(self, nodes: Iterable[str], *, host: str | None = None, folders: Iterable[Path] = ()) -> None:
        names = [node for node in dict.fromkeys(nodes) if node and not is_numbered(node)]
        self.nodes: Mapping[str, str] = {node: numbered(number) for number, node in enumerate(names, 1)}
        self._wholes = [(_whole(node), alias) for node, alias in self.nodes.items() if _NODE.fullmatch(node)]
        hosts = {**({host: "the driver"} if host else {}), **_hosts(self.nodes)}
        self._names = [(_recognised(name), alias) for name, alias in hosts.items()]
        self._names += [(_recognised(name, before="user "), "USER") for name in _users()]
        known = {str(folder): folder.name for folder in folders if len(folder.parts) > 1} | _home()
        self._folders = sorted(known.items(), key=lambda pair: -len(pair[0]))

    def of(self, text: str) -> str:
        """The text without them; the last part of a path is kept."""
        text = _FILE_URL.sub("", text)
        for folder, name in self._folders:
            text = text.replace(folder, name)
        for pattern, alias in self._wholes:
            text = pattern.sub(alias, text)
        text = _SERVICE.sub(r"\1://ADDRESS", text)
        text = _PATH.sub(r"\1", text)
        text = _IPV4.sub("ADDRESS", _IPV6.sub(_without_address, text))
        for pattern, alias in self._names:
            text = pattern.sub(alias, text)
        return _AT_MACHINE.sub("", text)

    def node(self, name: str | None) -> str:
        """What the run calls a machine."""
        return name if name and is_numbered(name) else self.nodes.get(name or "", "a machine")


def _without_address(found: re.Match[str]) -> str:
    # A sentence may go on with a colon, or end.
    given = found[1] or found[2]
    for text in (given, given[:-1]):
        with contextlib.suppress(ValueError):
            address = ipaddress.IPv6Address(text)
            if any(address in network for network in _IPV6_IN_USE):
                return f"ADDRESS{given[len(text) :]}"
    return found[0]


def _hosts(nodes: Mapping[str, str]) -> dict[str, str]:
    """The machines by their names alone; several may have one."""
    found: dict[str, str] = {}
    for node, alias in nodes.items():
        name = match[1] if (match := _NODE.fullmatch(node)) else node
        found[name] = "a machine" if name in found else alias
    return found


def _users() -> Iterator[str]:
    """The user who runs this."""
    with contextlib.suppress(OSError, KeyError, ImportError):  # without a name
        yield getpass.getuser()


def _home() -> dict[str, str]:
    """The user's home folder, which usually contains the user's name, and its replacement."""
    try:
        home = Path.home()
    except RuntimeError:  # there is none
        return {}
    return {str(home): "~"} if len(home.parts) > 1 else {}


def _recognised(name: str, *, before: str = "node ") -> re.Pattern[str]:
    """The name as a whole; one that may be an ordinary word only where what is beside it says that it is none."""
    if len(name) >= _LEAST_NAME and not name.isalpha():
        return _whole(name)
    word = re.escape(name)
    return re.compile(rf"(?:(?<={before})|(?<=host )|(?<=@)){word}(?![\w-])|(?<![\w.-]){word}(?=:\d|@| \(ADDRESS\))")


def _whole(name: str) -> re.Pattern[str]:
    after = r"(?![\w-])" if name[-1:].isalnum() else ""
    return re.compile(rf"(?<![\w.-]){re.escape(name)}{after}")
