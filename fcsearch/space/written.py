"""A space as the text of a file, with comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import SpaceError
from fcsearch.space.as_yaml import flow, printable, quoted
from fcsearch.space.conditions import read_parameters
from fcsearch.space.document import from_plain
from fcsearch.space.search_space import SearchSpace
from fcsearch.space.template import dataset_options

_WIDTH = 110


def space_file(space: SearchSpace, *, head: Sequence[str], comments: Mapping[str, str]) -> str:
    """The text of a file that `load_space` reads as this space.

    A dataset that was in memory is left out: `fcsearch.search` brings its own.

    Args:
        space: The space.
        head: Lines of the comment at the top.
        comments: What to say above a parameter, by its name.
    """
    sections, parameters = _sections(space), _parameters(space)
    lines = [f"# {printable(line)}".rstrip() for line in head]
    lines += ["", sections.pop("name")]
    if not space.dataset.is_memory:
        lines.append(f"dataset: {_dataset(space.dataset)}")
    lines += [*sections.values(), "parameters:"]
    for name, line in parameters.items():
        wrapped = textwrap.wrap(printable(comments.get(name, "")), _WIDTH, break_long_words=False)
        lines += [*(f"  # {part}" for part in wrapped), line]
    return "\n".join(lines) + "\n"


def rewritten(text: str, before: SearchSpace, after: SearchSpace) -> str:
    """The text of a space, its comments too, with the lines of what has changed written anew; not of the dataset."""
    above, below = re.split(r"\n+parameters:\n", text, maxsplit=1)
    above = _with_lines(f"{above}\n", _sections(before), _sections(after))
    return f"{above}\nparameters:\n{_with_lines(below, _parameters(before), _parameters(after))}"


def _with_lines(text: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The text with the lines of `new` in place of those of `old`."""
    for key in {**old, **new}:
        line = new.get(key)
        if line == old.get(key):
            continue
        # A section that was left out may stand there as a comment; a parameter may have several lines.
        start = re.match(" *", old.get(key) or new[key])
        indent = start[0] if start else ""
        found = re.search(rf"^{indent}(# )?{key}: *.*\n({indent} +.*\n)*", text, re.MULTILINE)
        first, last = found.span() if found else (len(text), len(text))
        text = text[:first] + (f"{line}\n" if line else "") + text[last:]
    return text


def _sections(space: SearchSpace) -> dict[str, str]:
    """The lines of the sections but for the dataset and the parameters, by name."""
    said = space.to_json()
    sampler = said["sampler"]
    entries = {
        "name": space.name,
        **{key: said[key] for key in ("task", "objective", "class_weight", "folds")},
        "sampler": sampler["name"] if len(sampler) == 1 else sampler,
        "trials": space.trials,
        "early_stopping": said["early_stopping"],
    }
    lines = {key: f"{key}: {flow(entry)}" for key, entry in entries.items() if entry is not None}
    if said["tries"]:
        lines["tries"] = "\n".join(["tries:", *map(_listed, said["tries"])])
    return lines


def _listed(values: Mapping[str, object]) -> str:
    """An item of a list, on as many lines as it takes."""
    fold = textwrap.TextWrapper(_WIDTH, "  - ", "     ", break_long_words=False, break_on_hyphens=False)
    return fold.fill(flow(values))


def _parameters(space: SearchSpace) -> dict[str, str]:
    """The lines of the parameters, by name; without the conditions that need not be written."""
    said = space.to_json()["parameters"]
    bare = {name: {key: value for key, value in entry.items() if key != "when"} for name, entry in said.items()}
    try:
        implied = read_parameters(from_plain(bare, "the space"))
    except SpaceError:
        implied = {}
    found = {}
    for name, parameter in said.items():
        same = implied.get(name) == space.parameters[name]
        entry = {
            key: value for key, value in (bare[name] if same else parameter).items() if (key, value) != ("log", False)
        }
        found[name] = f"  {name}: {flow(entry['value'] if set(entry) == {'value'} else entry)}"
    return found


def _dataset(spec: DatasetSpec) -> str:
    options = dataset_options(spec)
    return flow({"source": spec.source, **options}) if options else quoted(spec.source)
