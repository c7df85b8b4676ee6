"""Changes to a space from outside its file: `--set parameters.epochs=10`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.space.document import read_text
from fcsearch.space.keys import SHORT_FORMS, SpaceFile
from fcsearch.space.mistakes import Collector
from fcsearch.space.nodes import Mark, Node, instead
from fcsearch.text import did_you_mean


@dataclasses.dataclass(frozen=True)
class Override:
    """A `KEY=VALUE` that stands for an option of another name, such as `--label churn`, which messages then give."""

    text: str
    option: str


def apply_overrides(
    root: Node, overrides: Sequence[str | Override], mistakes: Collector, *, dataset: str | None = None
) -> Node:
    """The tree with each `KEY=VALUE` put in: dotted keys, values in YAML, null takes the key out.

    Args:
        root: The tree.
        overrides: One is put in after another; an option, after all that are set.
        mistakes: Takes the errors: no `=`, an unknown key, a value that is not YAML, a key inside something that is not
            a mapping, or what an option says, too. Such an override is left out.
        dataset: A name or a path, in place of the tree's whole `dataset` entry.
    """
    if dataset is not None:
        root = _put(root, ["dataset"], Node(dataset, Mark(f"--dataset {dataset}")), ["dataset"])
    said: dict[str, Node] = {}
    for override in overrides:
        with mistakes.collecting():
            key, new = _read(override)
            _check_dataset(key, new, dataset)
            if not isinstance(override, str) and key in said and said[key].plain() != new.plain():
                raise SpaceError(f"{new.mark}: {said[key].mark} says otherwise; leave one of them out")
            path = key.split(".")
            root, said[key] = _put(root, path, new, path), new
    return root


def _read(override: str | Override) -> tuple[str, Node]:
    """The dotted key and the value of an override."""
    text, source = (override, f"--set {override}") if isinstance(override, str) else (override.text, override.option)
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise SpaceError(f"{source}: an override is KEY=VALUE, such as parameters.epochs=10; found {text!r}")
    _check_path(key.split("."), source)
    return key, dataclasses.replace(read_text(value, source, positions=False), overridden=source)


def _check_dataset(key: str, new: Node, dataset: str | None) -> None:
    """Refuse another dataset beside the one that is named: the space, and the run's name, are chosen for that one."""
    if dataset is None or key not in ("dataset", "dataset.source"):
        return
    value = new.plain()
    named = value.get("source") if isinstance(value, dict) else value
    if named != dataset and not (isinstance(named, str) and Path(named).resolve() == Path(dataset).resolve()):
        raise SpaceError(
            f"{new.mark}: the dataset is {dataset} already; name another one in its place, and set its options one by "
            "one, such as dataset.test_fraction=0.2"
        )


def _check_path(path: Sequence[str], source: str) -> None:
    if path[0] not in SpaceFile.model_fields:
        known = path[0] in HYPERPARAMETERS
        hint = did_you_mean(f"parameters.{path[0]}") if known else instead(path[0], SpaceFile.model_fields)
        raise SpaceError(f"{source}: unknown key {path[0]!r}{hint}")
    if path[0] == "parameters" and len(path) > 1 and path[1] not in HYPERPARAMETERS:
        raise SpaceError(f"{source}: unknown parameter {path[1]!r}{instead(path[1], HYPERPARAMETERS)}")


def _put(node: Node, path: Sequence[str], new: Node, whole: Sequence[str]) -> Node:
    """`node` with `new` at `path`; what stands on the way is marked as changed."""
    name, *rest = path
    fields = node.value
    if fields is None:
        fields = {}
    short = list(whole[: len(whole) - len(path)])
    # An entry can be set beside the one that a word stands for.
    if isinstance(fields, str) and len(short) == 1 and short[0] in SHORT_FORMS:
        fields = {SHORT_FORMS[short[0]]: node}
    if not isinstance(fields, dict):
        raise SpaceError(
            f"{new.mark}: {'.'.join(short)} is {node.found()}, which has no {name!r}; "
            f"set it as a whole, such as --set '{'.'.join(short)}={{{name}: ...}}'"
        )
    fields = dict(fields)
    if rest:
        inner = fields.get(name, Node({}, new.mark))
        fields[name] = _put(inner, rest, new, whole)
    elif new.value is None:
        fields.pop(name, None)
    else:
        fields[name] = new
    # The top and `parameters` hold everything: to say that they were changed would point nowhere, but where a parameter
    # is gone nothing else says it.
    gone = not rest and new.value is None
    changed = node.overridden if not short or (short == ["parameters"] and not gone) else new.mark.source
    return dataclasses.replace(node, value=fields, overridden=changed)
