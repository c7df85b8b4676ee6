import re

import numpy as np
import pytest

from fcsearch.data import DatasetSpec
from fcsearch.data.rows import PartSizes
from fcsearch.data.splits import SplitRows, split_rows
from fcsearch.errors import DataError


def split(y: np.ndarray, sizes: PartSizes | None = None, **options: object) -> SplitRows:
    spec = DatasetSpec.from_value({"source": "digits", **options})
    names = tuple(map(str, range(int(y.max()) + 1)))
    return split_rows(y, sizes or PartSizes(len(y)), spec, names)


Y = np.random.RandomState(0).permutation(np.repeat([0, 1, 2], [600, 300, 100]))


def test_splits_are_disjoint_complete_and_stratified() -> None:
    parts = split(Y)
    assert [len(parts.train), len(parts.val), len(parts.test)] == [700, 150, 150]
    assert np.array_equal(np.sort(np.concatenate([parts.train, parts.val, parts.test])), np.arange(1000))
    assert np.bincount(Y[parts.val]).tolist() == [90, 45, 15]
    assert np.bincount(Y[parts.test]).tolist() == [90, 45, 15]


def test_the_seed_decides_and_the_order_of_training_rows_is_shuffled() -> None:
    first, again, other = split(Y), split(Y), split(Y, split_seed=1)
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.test, again.test)
    assert set(first.test) != set(other.test)
    assert not np.array_equal(first.train, np.sort(first.train))
    assert np.array_equal(first.test, np.sort(first.test))


def test_the_test_rows_do_not_depend_on_the_validation_share() -> None:
    assert np.array_equal(split(Y, val_fraction=0.1).test, split(Y, val_fraction=0.4).test)


def test_num_train_keeps_a_stratified_prefix() -> None:
    whole, half, tenth = split(Y), split(Y, num_train=350), split(Y, num_train=70, num_val=30)
    assert np.array_equal(half.train, whole.train[:350])
    assert np.array_equal(tenth.train, whole.train[:70])
    assert np.array_equal(tenth.val, whole.val[:30])
    for part in (half, tenth):
        share = np.bincount(Y[part.train]) / len(part.train)
        assert np.abs(share - [0.6, 0.3, 0.1]).max() < 2 / len(part.train)


def test_given_splits_are_left_alone() -> None:
    parts = split(Y, PartSizes(800, test=200))
    assert np.array_equal(parts.test, np.arange(800, 1000))
    assert len(parts.val) == 120
    parts = split(Y, PartSizes(700, val=100, test=200))
    assert np.array_equal(np.sort(parts.train), np.arange(700))
    assert np.array_equal(np.sort(parts.val), np.arange(700, 800))


def test_a_test_split_may_be_done_without() -> None:
    parts = split(Y, test_fraction=0)
    assert (len(parts.train), len(parts.val), len(parts.test)) == (850, 150, 0)


def test_classes_too_rare_to_split_are_trained_on() -> None:
    y = np.concatenate([Y, [3], [4, 4]])
    parts = split(y)
    assert parts.training_only == (3, 4)
    assert {1000, 1001, 1002} <= set(parts.train)
    assert split(y, test_fraction=0).training_only == (3,)


@pytest.mark.parametrize("options", [{"num_train": 701}, {"num_train": 2}, {"num_val": 151}])
def test_num_train_and_num_val_must_be_there(options: dict[str, int]) -> None:
    name, value = next(iter(options.items()))
    with pytest.raises(DataError, match=f"{name} must lie between the number of classes .3. and .* found {value}"):
        split(Y, **options)


def test_too_few_rows_for_a_stratified_split() -> None:
    with pytest.raises(
        DataError, match=r"found 12 rows, of which 2 \(test_fraction 0.15\) should be split off for 4 classes"
    ):
        split(np.repeat([0, 1, 2, 3], 3))
    with pytest.raises(DataError, match="found 10 rows, and no class with enough of them"):
        split(np.arange(10))


def test_too_few_rows_for_a_regression_are_not_said_to_be_of_classes() -> None:
    usual, much = DatasetSpec("x"), DatasetSpec("x", val_fraction=0.99, test_fraction=0)
    for count, spec, those in ((2, usual, "1 (test_"), (1, usual, "1 (test_"), (10, much, "10 (val_")):
        said = f"every part of a split must have a row; found {count} rows, of which {those}fraction "
        with pytest.raises(DataError, match=re.escape(said) + r"\S+ should be split off\. Give more") as caught:
            split_rows(np.arange(float(count)), PartSizes(count), spec, ())
        assert "class" not in str(caught.value)


def test_given_splits_must_share_their_classes() -> None:
    with pytest.raises(DataError, match="found '2' in the validation or test split only"):
        split(np.array([0, 1] * 20 + [2]), PartSizes(40, test=1))


def test_any_labels_and_fractions_split_or_say_why() -> None:
    random = np.random.RandomState(1)
    split_well = 0
    for _ in range(150):
        y = np.unique(random.zipf(1.5, random.randint(4, 60)) % random.randint(2, 8), return_inverse=True)[1]
        if y.max() == 0:
            continue
        val, test = random.uniform(0.02, 0.7), random.choice([0, random.uniform(0.02, 0.29)])
        try:
            parts = split(y, val_fraction=val, test_fraction=test)
        except DataError:
            continue
        split_well += 1
        assert np.array_equal(np.sort(np.concatenate([parts.train, parts.val, parts.test])), np.arange(len(y)))
        assert set(y[parts.train]) == set(y)
    assert split_well > 50
