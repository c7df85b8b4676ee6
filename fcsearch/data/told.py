"""What a user should know of the data before a search."""

from __future__ import annotations

import numpy as np

from fcsearch.data.dataset import Dataset
from fcsearch.data.facts import dropped
from fcsearch.data.label_twins import ONE_WITH_LABEL
from fcsearch.data.remarks import AS_CATEGORIES, NUMBERS_ROWS
from fcsearch.text import cased_twins, column_title, first_columns, first_few
from fcsearch.wording import wording

_MOST_CLASSES = 10
_MOST_COLUMNS = 5


def told(dataset: Dataset, *, own: bool = True) -> dict[str, str]:
    """The data in words, as label and text; what there is nothing to say of is left out.

    Args:
        dataset: The data.
        own: Whether trials learn the dataset's own form of the rows.
    """
    lines = {
        "rows": _rows(dataset),
        "label": label_words(dataset),
        "alike classes": _alike_classes(dataset),
        "rare classes": rare_classes(dataset),
        "features": _features(dataset),
        "categories": _numbers_as_categories(dataset),
        "split": "; ".join(dataset.split_words()),
        "left out": dataset.left_out(),
        "identifiers": _to_leave_out(dataset, NUMBERS_ROWS),
        "one with the label": _to_leave_out(dataset, ONE_WITH_LABEL),
        "copies": dataset.copies_words(),
        "preprocessing": dataset.forms_words(own=own),
    }
    return {name: text for name, text in lines.items() if text}


def _rows(dataset: Dataset) -> str:
    """The rows of each split; those of the folds, which `split` says more of, together."""
    train, val, test = (len(split) for split in (dataset.train, dataset.val, dataset.test))
    searched = (
        f"{train + val:,} in {len(dataset.folds)} folds"
        if dataset.others
        else f"{train:,} training, {val:,} validation"
    )
    return f"{searched}, {test:,} test"


def label_words(dataset: Dataset) -> str:
    """The classes, or the range of a regression's training targets."""
    if dataset.task == "regression":
        return f"from {dataset.train.y.min():.6g} to {dataset.train.y.max():.6g} in the training rows"
    return f"{dataset.num_classes} classes: {first_few(dataset.class_names, _MOST_CLASSES)}"


def rare_classes(dataset: Dataset) -> str:
    """Which classes have no rows to be measured on; empty if all have, or if it is a regression."""
    if not dataset.num_classes:
        return ""
    seen = {"validation": np.concatenate([fold.val.y for fold in dataset.folds]), "test": dataset.test.y}
    missing = {
        place: [name for name, count in zip(dataset.class_names, _counts(dataset, y), strict=True) if not count]
        for place, y in seen.items()
        if len(y)
    }
    parts = [f"no {place} rows of {first_few([*map(repr, names)], 5)}" for place, names in missing.items() if names]
    return f"{', and '.join(parts)}: the figures say nothing of them" if parts else ""


def _to_leave_out(dataset: Dataset, why: str) -> str:
    """Which columns should perhaps be left out for this reason, and how that is done; empty if there are none."""
    found = [column.name for column in dataset.columns if why in column.why]
    way = wording().leaving_out([*dropped(dataset.columns), *found])
    return f"{first_columns(found)}: {why}: {way}" if found else ""


def _alike_classes(dataset: Dataset) -> str:
    """Two classes that may be one, if there are such."""
    twins = cased_twins(dataset.class_names)
    return (
        f"{twins[0]!r} and {twins[1]!r} differ only in capitals: if they are one class, write it in one way"
        if twins
        else ""
    )


def _numbers_as_categories(dataset: Dataset) -> str:
    """Which columns of texts may be numbers, and how they would be read as such; empty if none may."""
    found = [
        f"{column_title(column.name)}: {_categories_words(column.why)}"
        for column in dataset.columns
        if column.why.startswith(AS_CATEGORIES)
    ]
    return "; ".join([*found[:_MOST_COLUMNS], *(["..."] if len(found) > _MOST_COLUMNS else [])])


def _categories_words(why: str) -> str:
    """What a remark says of categories that may be numbers, without what is said in a line of its own."""
    return why.removeprefix(AS_CATEGORIES).removesuffix(f"; {ONE_WITH_LABEL}").strip().removesuffix(".")


def _counts(dataset: Dataset, y: np.ndarray) -> list[int]:
    counts: list[int] = np.bincount(y, minlength=dataset.num_classes).tolist()
    return counts


def _features(dataset: Dataset) -> str:
    used = sum(column.use == "used" for column in dataset.columns)
    columns = f"from {used:,} column{'' if used == 1 else 's'}" if used else ""
    if dataset.forms:
        # How many there are depends on the preprocessing of each trial.
        return columns
    bins = "" if dataset.spec.bins is None else f", {dataset.spec.bins} bins"
    return f"{dataset.input_dim:,}{', ' if columns else ''}{columns} (preprocessing {dataset.spec.preprocessing}{bins})"
