"""A user's note and tags on a run, in a separate file, so that they can be written while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fcsearch.errors import RunError, UsageError
from fcsearch.results import files

_FILE = "labels.json"
_TAG = re.compile(r"[^\s,]{1,40}")
_MOST_LETTERS = 2000
_REMEDY = "remove the file, and set note and tags again"


class Labels(BaseModel):
    """A note and tags.

    Attributes:
        note: A text; None if there is none.
        tags: Words, each once, in the order in which they came.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    note: str | None = None
    tags: tuple[str, ...] = ()

    def with_note(self, text: str) -> Labels:
        """With another note, none if the text is empty; UsageError for one that is too long."""
        text = " ".join(text.split())
        if len(text) > _MOST_LETTERS:
            raise UsageError(f"a note must have at most {_MOST_LETTERS:,} characters; found {len(text):,}; shorten it")
        return self.model_copy(update={"note": text or None})

    def with_tags(self, tags: Iterable[str]) -> Labels:
        """With these tags as well; UsageError for what cannot be one."""
        tags = tuple(tags)
        for tag in tags:
            if not _TAG.fullmatch(tag) or not tag.isprintable():
                raise UsageError(
                    f"a tag must have at most 40 characters, without spaces and commas; found {tag!r}; change it"
                )
        return self.model_copy(update={"tags": tuple(dict.fromkeys([*self.tags, *tags]))})

    def without_tags(self, tags: Iterable[str]) -> Labels:
        """Without these tags; UsageError for one that is not there."""
        tags = tuple(tags)
        for tag in tags:
            if tag not in self.tags:
                known = ", ".join(self.tags) or "none"
                raise UsageError(f"a tag to remove must be one of the run's ({known}); found {tag!r}")
        return self.model_copy(update={"tags": tuple(tag for tag in self.tags if tag not in tags)})


def read_labels(run: Path) -> Labels:
    """The labels of a run directory; RunError if their file is damaged."""
    path = run / _FILE
    if not path.is_file():
        return Labels()
    try:
        return Labels.model_validate(files.read_json(path, remedy=_REMEDY))
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(
            f"{path} must hold a note and tags; found {first['input']!r} for {'.'.join(map(str, first['loc']))}; "
            f"{_REMEDY}"
        ) from None


def write_labels(run: Path, labels: Labels) -> None:
    """Replace the labels of a run directory, whole or not at all; any process may, also while another writes the run.

    Raises:
        RunError: the file system refused.
    """
    files.write_json(run / _FILE, labels.model_dump(mode="json"), aside=run / files.ASIDE)
