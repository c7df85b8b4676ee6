"""Seeded splits: stratified, by groups or by time, also in folds. Splits of the source are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data.folds import Fold, draw_folds
from fcsearch.data.group_splits import check_groups, draw_groups
from fcsearch.data.rows import Indices, PartSizes
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.split_keys import SplitKey
from fcsearch.data.stratified import draw_rows
from fcsearch.data.time_splits import check_times, draw_times
from fcsearch.errors import DataError


@dataclasses.dataclass(frozen=True)
class SplitRows:
    """Row numbers of each split.

    Attributes:
        train, val, test: Row numbers; with folds, `train` and `val` are those of the first fold.
        training_only: Classes that are too rare for any split but the training rows.
        others: The other folds.
    """

    train: Indices
    val: Indices
    test: Indices
    training_only: tuple[int, ...] = ()
    others: tuple[Fold, ...] = ()

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The rows of every fold, or of the one split."""
        return (Fold(self.train, self.val), *self.others)


def split_rows(
    y: npt.NDArray[Any],
    sizes: PartSizes,
    spec: DatasetSpec,
    class_names: tuple[str, ...],
    key: SplitKey | None = None,
) -> SplitRows:
    """Split rows as the spec says, and keep splits that the source already has.

    Args:
        y: (N,) classes, rows in the order train, val, test; for a regression the targets, without stratification.
        sizes: Rows that the source has in each split.
        spec: Fractions, folds (`auto` is one split), seed, `num_train` and `num_val`.
        class_names: For messages; none for a regression.
        key: The column that rows are split by, if any: whole groups, or in the order of time.

    Returns:
        Training and validation rows in a seeded order of which every prefix is stratified, so that `num_train: 500` is
        a part of `num_train: 1000`; test rows in the order of the source.

    Raises:
        DataError: too few rows, groups or times for the fractions, fewer rows than `num_train` or `num_val` asks for,
            or given splits that divide groups or are out of order.
    """
    pool = np.arange(sizes.train)
    val = np.arange(sizes.train, sizes.train + sizes.val)
    test = np.arange(sizes.train + sizes.val, len(y))
    to_draw = [("test", spec.test_fraction)] if not sizes.test and spec.test_fraction > 0 else []
    count = spec.folds if isinstance(spec.folds, int) else None
    if count is not None:
        _require_no_validation(sizes)
    elif not sizes.val:
        to_draw += [("val", spec.validation_share)]
    if not class_names:
        # One class: the draw is random.
        y = np.zeros(len(y), dtype=np.int64)
    if key is None:
        drawn, rare = _draw_stratified(pool, y, to_draw, spec.split_seed, stratified=bool(class_names))
    else:
        by_group = key.by == "group"
        drawn = draw_groups(key, pool, y, to_draw, spec.split_seed) if by_group else draw_times(key, pool, to_draw)
        rare = np.setdiff1d(y[pool], y[np.concatenate([pool[:0], *drawn.values()])])
    train = np.setdiff1d(pool, np.concatenate([pool[:0], *drawn.values()]))
    val, test = drawn.get("val", val), drawn.get("test", test)
    if key is not None:
        (check_groups if by_group else check_times)(key, {"training": train, "validation": val, "test": test})
    folds = [Fold(train, val)]
    if count is not None:
        folds = draw_folds(count, train, y, key, spec.split_seed, stratified=bool(class_names))
        rare = np.setdiff1d(y[train], y[np.concatenate([test, *(fold.val for fold in folds)])])
    first, *others = (_in_order(fold, y, spec, class_names) for fold in folds)
    return SplitRows(
        train=first.train,
        val=first.val,
        test=np.sort(test),
        training_only=tuple(map(int, rare)),
        others=tuple(others),
    )


def _require_no_validation(sizes: PartSizes) -> None:
    if sizes.val:
        raise DataError(
            "folds take turns in validation, so the source must not have a validation split of its own; found "
            f"{sizes.val:,} validation rows. Put them among the training rows, or leave the dataset option folds out."
        )


def _in_order(fold: Fold, y: npt.NDArray[Any], spec: DatasetSpec, class_names: tuple[str, ...]) -> Fold:
    """The rows in the order of training, as many as were asked for."""
    train, val = (_stratified_order(rows, y, spec.split_seed) for rows in fold)
    if class_names:
        _check_trained(y, train, class_names, in_folds=isinstance(spec.folds, int))
    return Fold(
        _first(train, spec.num_train, "num_train", "training", class_names),
        _first(val, spec.num_val, "num_val", "validation", class_names),
    )


def _draw_stratified(
    pool: Indices, y: npt.NDArray[Any], to_draw: Sequence[tuple[str, float]], seed: int, *, stratified: bool
) -> tuple[dict[str, Indices], npt.NDArray[Any]]:
    """The rows drawn for each split, and the classes that are too rare to be drawn from."""
    total, drawn, rare = len(pool), {}, pool[:0]
    for done, (part, fraction) in enumerate(to_draw):
        # A class needs rows for this split, for those still to come, and for training.
        is_rare = np.bincount(y[pool])[y[pool]] < 1 + len(to_draw) - done
        pool, rare = pool[~is_rare], np.concatenate([rare, pool[is_rare]])
        pool, drawn[part] = _draw(pool, y, part, fraction, total, seed, stratified=stratified)
    return drawn, np.unique(y[rare])


def _check_trained(y: npt.NDArray[np.int64], train: Indices, class_names: tuple[str, ...], *, in_folds: bool) -> None:
    untrained = np.setdiff1d(y, y[train])
    if len(untrained):
        where, fewer = (" of some fold", "folds") if in_folds else ("", "val_fraction")
        raise DataError(
            f"every class must have training rows; found {class_names[untrained[0]]!r} in the validation or test split"
            f"{where} only. Add training rows of it, drop its rows, or lower {fewer} or test_fraction."
        )


def _draw(
    pool: Indices,
    y: npt.NDArray[np.int64],
    part: str,
    fraction: float,
    total: int,
    seed: int,
    *,
    stratified: bool,
) -> tuple[Indices, Indices]:
    """Draw a share of the source's training rows; returns the rest, and the drawn rows."""
    count = max(1, round(fraction * total))
    classes = len(np.unique(y[pool]))
    if classes < 1 + stratified or count < classes or len(pool) - count < classes:
        needed = "a stratified split must give each class a row in every part"
        those = f"{count} ({part}_fraction {fraction:g}) should be split off"
        if not stratified:
            needed, found = "every part of a split must have a row", f", of which {those}"
        elif classes:
            found = f", of which {those} for {classes} classes with enough rows"
        else:
            found = ", and no class with enough of them"
        raise DataError(
            f"{needed}; found {total} rows{found}. "
            f"Give more rows, another {part}_fraction, or a file of its own for the {part} split."
        )
    return draw_rows(pool, count, seed, classes=y[pool] if stratified else None)


def _stratified_order(rows: Indices, y: npt.NDArray[np.int64], seed: int) -> Indices:
    """Shuffle rows so that every prefix has the classes in proportion (systematic sampling within each class)."""
    # RandomState, as in scikit-learn: its streams are frozen, those of Generator may change with numpy.
    random = np.random.RandomState(seed)
    rows = random.permutation(np.sort(rows))
    by_class = np.argsort(y[rows], kind="stable")
    rows = rows[by_class]
    counts = np.bincount(y[rows])
    starts = np.cumsum(counts) - counts
    offsets = random.random_sample(len(counts))
    place = (np.arange(len(rows)) - starts[y[rows]] + offsets[y[rows]]) / counts[y[rows]]
    return rows[np.argsort(place, kind="stable")]


def _first(rows: Indices, count: int | None, option: str, split: str, class_names: tuple[str, ...]) -> Indices:
    if count is None:
        return rows
    if count > len(rows) or count < len(class_names):
        raise DataError(
            f"{option} must lie between the number of classes ({len(class_names)}) and the number of {split} rows "
            f"({len(rows)}); found {count}."
        )
    return rows[:count]
