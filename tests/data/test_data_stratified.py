"""Rows are drawn as scikit-learn draws them, without its import."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from fcsearch.data.stratified import draw_rows

RANDOM = np.random.RandomState(0)


@pytest.mark.parametrize("counts", [(5, 5), (600, 300, 100), (7, 7, 7, 7, 7), (2, 3, 50), tuple(range(2, 40))])
@pytest.mark.parametrize("share", [0.15, 0.4, 0.5])
def test_rows_are_those_of_scikit_learn(counts: tuple[int, ...], share: float) -> None:
    classes = RANDOM.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = RANDOM.permutation(10 * len(classes))[: len(classes)]
    count = max(len(counts), round(share * len(classes)))
    for seed in range(5):
        expected = train_test_split(rows, test_size=count, random_state=seed, stratify=classes)
        for drawn, theirs in zip(draw_rows(rows, count, seed, classes=classes), expected, strict=True):
            np.testing.assert_array_equal(drawn, theirs)


def test_classes_need_not_be_numbered_without_gaps() -> None:
    classes = np.repeat([2, 7, 40], [10, 20, 30])
    expected = train_test_split(np.arange(60), test_size=13, random_state=3, stratify=classes)
    for drawn, theirs in zip(draw_rows(np.arange(60), 13, 3, classes=classes), expected, strict=True):
        np.testing.assert_array_equal(drawn, theirs)


@pytest.mark.parametrize("count", [1, 10, 59])
def test_without_classes_too(count: int) -> None:
    rows = RANDOM.permutation(60)
    expected = train_test_split(rows, test_size=count, random_state=1)
    for drawn, theirs in zip(draw_rows(rows, count, 1, classes=None), expected, strict=True):
        np.testing.assert_array_equal(drawn, theirs)
