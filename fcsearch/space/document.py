"""YAML text as a tree of nodes that know their place, so that every later error can name it.

The tree is built from PyYAML's event stream, not by its constructors: nothing in a document can build an object, call
code or recurse, and the limits below hold before a tree exists. Scalars are read by YAML 1.2's rules (`1e-4` is a
number, `no` is a word), not by the older ones that PyYAML follows.
"""

from __future__ import annotations

import dataclasses
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fcsearch.errors import SpaceError
from fcsearch.space.indented import uneven_indentation
from fcsearch.space.nodes import Mark, Node, Scalar
from fcsearch.space.shipped import is_space_file, shipped_spaces
from fcsearch.space.unspaced import missing_space
from fcsearch.text import did_you_mean, nearest

MAX_BYTES = 256 * 1024
MAX_NESTING = 20
# Integers above this lose digits as floats, which JSON readers and samplers use.
MAX_INTEGER = 2**53

# Half of a character, which an escape can say and UTF-8 cannot.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*\Z")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}


def read_file(path: Path) -> Node:
    """Read the YAML mapping in the file at `path`.

    Raises:
        SpaceError: it cannot be read, is larger than MAX_BYTES, is not UTF-8, or is refused by `read_text`.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        others = "`fcsearch spaces` lists those that ship, and `fcsearch init` writes one"
        raise SpaceError(f"{path}: no such file; {others}{_meant(path)}") from None
    except IsADirectoryError:
        raise SpaceError(f"{path}: a search-space file is needed; found a folder") from None
    except OSError as error:
        raise SpaceError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise SpaceError(f"{path}: a space file holds at most {MAX_BYTES // 1024} KiB; this one is larger")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpaceError(f"{path}:{line}: a space file is UTF-8 text; found byte 0x{raw[error.start]:02x}") from None
    if not text.strip():
        raise SpaceError(f"{path}: the file is empty; a space needs at least `parameters`; `fcsearch init` writes one")
    return read_text(text, str(path))


def _meant(path: Path) -> str:
    """The end of a message: which file beside one that is missing was meant, or which space that ships."""
    shipped = shipped_spaces()
    meant = path.stem if path.stem in shipped else None
    if meant is None:
        beside = {found.stem: found for found in path.parent.glob("*") if is_space_file(found.name)}
        near = nearest(path.stem, beside)
        meant = str(beside[near]) if near else nearest(path.stem, shipped)
    return f".{did_you_mean(meant, sentence=True)}" if meant else ""


def read_text(text: str, source: str, *, positions: bool = True) -> Node:
    """Build the tree of a YAML document.

    Args:
        text: The document.
        source: What to call it in errors: the file's path, or the option that held it.
        positions: Whether lines and columns mean something to the reader (not for an option's value).

    Raises:
        SpaceError: text that does not parse, duplicate keys, nesting deeper than MAX_NESTING, tags, aliases, or
            several documents.
    """
    builder = _Builder(source, positions)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise builder.syntax_error(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SpaceError(f"{source}:{line}: character #x{error.character:04x} is not allowed in YAML") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets Python's own errors through for absurd directives and \U escapes.
        raise SpaceError(f"{source}: YAML that cannot be read: {reprlib.repr(str(error))}") from None
    if builder.root is None:
        return Node(None, builder.mark(None))
    return builder.root


def from_plain(value: Any, source: str, *, depth: int = 0) -> Node:
    """The tree of plain Python values (JSON), all of them marked as standing in `source`."""
    mark = Mark(source)
    if depth > MAX_NESTING:
        raise SpaceError(f"{source}: at most {MAX_NESTING} levels of nesting are read; found more")
    if isinstance(value, Mapping):
        return Node({str(key): from_plain(item, source, depth=depth + 1) for key, item in value.items()}, mark)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Node(tuple(from_plain(item, source, depth=depth + 1) for item in value), mark)
    if value is None or isinstance(value, (bool, int, float, str)):
        return Node(value, mark)
    raise SpaceError(f"{source}: a JSON value is needed; found {type(value).__name__}")


@dataclasses.dataclass
class _Open:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    mark: Mark
    items: list[Node] | None
    fields: dict[str, Node] = dataclasses.field(default_factory=dict)
    key: Node | None = None


class _Builder:
    """Takes YAML events one by one and builds the tree, without recursion."""

    def __init__(self, source: str, positions: bool) -> None:
        self.root: Node | None = None
        self._source = source
        self._positions = positions
        self._open: list[_Open] = []
        self._quoted = set[int]()

    def mark(self, mark: object) -> Mark:
        if not isinstance(mark, yaml.Mark) or not self._positions:
            return Mark(self._source)
        return Mark(self._source, mark.line + 1, mark.column + 1)

    def syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> SpaceError:
        problem = error.problem or "cannot be read"
        context = f" {error.context}" if error.context else ""
        mark = error.problem_mark or error.context_mark
        last = mark.line + 1 if mark else 1
        tabs = "; YAML indents with spaces, not tabs" if "\\t" in problem else ""
        hint = tabs or missing_space(text, last, self._quoted) or uneven_indentation(text, last, problem)
        return SpaceError(f"{self.mark(mark)}: YAML error{context}: {problem}{hint}")

    def take(self, event: yaml.Event) -> None:
        mark = self.mark(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise SpaceError(f"{mark}: aliases (*{event.anchor}) are not read in a space file; write the value out")
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise SpaceError(f"{mark}: a space file holds one YAML document; found a second")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise SpaceError(f"{mark}: tags ({reprlib.repr(tag)}) are not read in a space file; write the value alone")
        if isinstance(event, yaml.ScalarEvent):
            if half := _SURROGATE.search(event.value):
                raise SpaceError(f"{mark}: character #x{ord(half[0]):04x} is not allowed in YAML")
            if event.style is not None and event.start_mark and event.end_mark:
                self._quoted.update(range(event.start_mark.line + 1, event.end_mark.line + 2))
            # A key is the word that it is written as: a class may be called 0, or true.
            as_written = event.style is not None or self._awaits_key()
            self._add(Node(event.value if as_written else _scalar(event.value, mark), mark))
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            if len(self._open) >= MAX_NESTING:
                raise SpaceError(f"{mark}: at most {MAX_NESTING} levels of nesting are read; found more")
            self._open.append(_Open(mark, [] if isinstance(event, yaml.SequenceStartEvent) else None))
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            done = self._open.pop()
            self._add(Node(done.fields if done.items is None else tuple(done.items), done.mark))

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._open[-1].items is None and self._open[-1].key is None

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        if top.items is not None:
            top.items.append(node)
        elif top.key is None:
            self._check_key(node, top.fields)
            top.key = node
        else:
            top.fields[str(top.key.value)] = dataclasses.replace(node, key_mark=top.key.mark)
            top.key = None

    def _check_key(self, node: Node, fields: Mapping[str, Node]) -> None:
        if not isinstance(node.value, str):
            raise SpaceError(f"{node.mark}: a key must be a word; found {node.found()}")
        if node.value in fields:
            first = fields[node.value].key_mark
            raise SpaceError(f"{node.mark}: the key {node.value!r} occurs twice; first at {first}. Keep one of them")


def _scalar(text: str, mark: Mark) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        word: Scalar = _WORDS[text]
        return word
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
            raise SpaceError(f"{mark}: integers go up to 2**53; found {reprlib.repr(text)}")
        return int(digits)
    return float(text) if _NUMBER.match(text) else text
