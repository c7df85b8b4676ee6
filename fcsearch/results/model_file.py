"""What a model file holds beside its weights: facts about its trial, and the transform. Read without torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors

from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import RunError

# Beside the settings of the network: what else the run knows, and the transform from a table to the network's input.
_TRIAL_KEY = "fcsearch.trial"
_TRANSFORM_KEY = "fcsearch.transform"
# Under which safetensors keeps a file's texts.
_TEXTS = "__metadata__"


def model_texts(metadata: Mapping[str, Any], transform: str | None) -> dict[str, str]:
    """The metadata of a model file beside the network: facts about its trial, and the transform (JSON), by key."""
    texts = {_TRIAL_KEY: json.dumps(metadata, allow_nan=False)}
    return texts if transform is None else {**texts, _TRANSFORM_KEY: transform}


def facts_in(path: Path) -> dict[str, Any]:
    """The facts in the file of a run's network; RunError if it is not a model file, or they are damaged."""
    try:
        return dict(json.loads(texts_in(path)[_TRIAL_KEY]))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def facts_beside(path: Path) -> dict[str, Any]:
    """The same of any model file: empty if the network was saved alone."""
    return facts_in(path) if _TRIAL_KEY in texts_in(path) else {}


def with_facts(path: Path, facts: Mapping[str, Any]) -> bytes:
    """The content of a model file with other facts (JSON types); RunError if it is not one."""
    return _with_texts(path, {**texts_in(path), **model_texts(facts, None)})


def load_transform(path: Path) -> FeatureTransform | None:
    """The transform in a model file; None if it has none.

    Raises:
        RunError: it is not a model file.
        DataError: the transform is damaged.
    """
    text = texts_in(path).get(_TRANSFORM_KEY)
    return None if text is None else FeatureTransform.from_json(text, where=str(path))


def digest_of(path: Path) -> str:
    """SHA-256 of the weights in a model file, as if it held no texts; RunError if it is not one."""
    return hashlib.sha256(_with_texts(path, {})).hexdigest()


def texts_in(path: Path) -> dict[str, str]:
    """All texts of a model file, by key; RunError if it is not one."""
    try:
        with safetensors.safe_open(str(path), framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, safetensors.SafetensorError) as error:
        raise damaged(path, error) from error


def is_refit(path: Path) -> bool:
    """Whether a file of a run's models holds a network that learned from validation rows, too."""
    return path.name.startswith("refit")


def damaged(path: Path, found: object) -> RunError:
    """The error for a model file that cannot be used: what is wrong with it, and the way back."""
    return RunError(f"{path} must be a model that fcsearch saved; found: {found}; {_way_back(path)}")


def _with_texts(path: Path, texts: Mapping[str, str]) -> bytes:
    """The content of a model file with other texts; its weights stay as they are, of whatever type.

    A file is the length of its header, 8 bytes, the header, JSON padded to a multiple of 8 bytes, and the weights
    (https://huggingface.co/docs/safetensors/index#format).
    """
    texts_in(path)  # refuses what is no such file
    content = path.read_bytes()
    ends = 8 + int.from_bytes(content[:8], "little")
    entries = {key: entry for key, entry in json.loads(content[8:ends]).items() if key != _TEXTS}
    header = json.dumps({**({_TEXTS: texts} if texts else {}), **entries}, separators=(",", ":"), ensure_ascii=False)
    padded = header.encode()
    padded += b" " * (-len(padded) % 8)
    return len(padded).to_bytes(8, "little") + padded + content[ends:]


def _way_back(path: Path) -> str:
    """What makes a damaged model anew, by its place in a run."""
    run = path.parent.parent
    if path.parent.name == "models" and (run / "run.json").is_file():
        if is_refit(path):
            return f"remove it, and make it again: `fcsearch confirm {run} --refit`"
        if trial := re.fullmatch(r"trial-(\d+)\.safetensors", path.name):
            train = f"fcsearch train --run {run} --trial {int(trial[1])} --save {path}"
            return f"train it again: `{train}`, then `fcsearch resume {run}`"
    return "take another copy of it"
