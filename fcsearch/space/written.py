"""A space as the text of a file, with comments."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from fcsearch.data.spec import DatasetSpec
from fcsearch.space.search_space import SearchSpace
from fcsearch.space.template import printable, quoted

_WIDTH = 110


def space_file(space: SearchSpace, *, head: Sequence[str], comments: Mapping[str, str]) -> str:
    """The text of a file that `load_space` reads as this space.

    A dataset that was in memory is left out: `fcsearch.search` brings its own.

    Args:
        space: The space.
        head: Lines of the comment at the top.
        comments: What to say above a parameter, by its name.
    """
    said = space.to_json()
    lines = [f"# {printable(line)}".rstrip() for line in head]
    lines += ["", f"name: {quoted(space.name)}"]
    if not space.dataset.is_memory:
        lines.append(f"dataset: {_dataset(space.dataset)}")
    lines += [
        f"{key}: {_flow(said[key])}" for key in ("task", "objective", "class_weight", "folds") if said[key] is not None
    ]
    options = said["sampler"]
    lines.append(f"sampler: {options['name'] if len(options) == 1 else _flow(options)}")
    lines.append(f"trials: {space.trials}")
    if said["early_stopping"] is not None:
        lines.append(f"early_stopping: {_flow(said['early_stopping'])}")
    lines.append("parameters:")
    for name, parameter in said["parameters"].items():
        wrapped = textwrap.wrap(printable(comments.get(name, "")), _WIDTH, break_long_words=False)
        lines += [f"  # {line}" for line in wrapped]
        entry = {key: value for key, value in parameter.items() if (key, value) != ("log", False)}
        lines.append(f"  {name}: {_flow(entry['value'] if set(entry) == {'value'} else entry)}")
    return "\n".join(lines) + "\n"


def _dataset(spec: DatasetSpec) -> str:
    # Task, weights and folds stand by themselves: `fcsearch.search` takes them too, and they hold for other data.
    beside = {"source", "task", "class_weight", "folds"}
    said = TypeAdapter(DatasetSpec).dump_python(spec, mode="json", exclude_defaults=True, exclude=beside)
    return _flow({"source": spec.source, **said}) if said else quoted(spec.source)


def _flow(value: Any) -> str:
    """A JSON value in YAML's flow style."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    return "null" if value is None else repr(value)
