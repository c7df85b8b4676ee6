"""From a space file to a SearchSpace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fcsearch.errors import SpaceError
from fcsearch.space.document import read_file
from fcsearch.space.keys import SpaceFile
from fcsearch.space.overrides import Override
from fcsearch.space.search_space import SearchSpace


def load_space(path: Path, *, overrides: Sequence[str | Override] = (), dataset: str | None = None) -> SearchSpace:
    """Read and check a space file.

    Args:
        path: The YAML file.
        overrides: `KEY=VALUE` with dotted keys and YAML values: `parameters.epochs=10`,
            `parameters.learning_rate.high=0.5`, `early_stopping=null`. They are put in one after another, before
            anything is checked. What an override takes the ground from is left out: `parameters.update_rule=adam`
            leaves out `momentum`, `parameters.hidden_dims=[64, 64]` leaves out `depth` and `hidden_dim`.
        dataset: A name or path that replaces the file's `dataset` entry with all its options.

    Raises:
        SpaceError: anything that cannot be searched; it says where that stands, what was found and what would do.
    """
    root = read_file(path)
    if not isinstance(root.value, dict):
        keys = ", ".join(SpaceFile.model_fields)
        raise SpaceError(f"{root.mark}: a space must be a mapping of {keys}; found {root.found()}")
    return SearchSpace.from_node(root, default_name=plain_name(path.stem), overrides=overrides, dataset=dataset)


def plain_name(text: str) -> str:
    """A name that a space and a run's folder may have, from any text."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip(".-_")[:64].rstrip("-") or "space"
