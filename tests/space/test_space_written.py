"""A space as a file reads as the same space."""

import dataclasses
from pathlib import Path

import pytest

from fcsearch.data.spec import MEMORY, DatasetSpec
from fcsearch.space import SearchSpace, load_space, shipped_spaces
from fcsearch.space.written import space_file


def again(space: SearchSpace, folder: Path) -> SearchSpace:
    text = space_file(space, head=["first", ""], comments={"epochs": "why " * 60})
    assert max(map(len, text.splitlines())) <= 120 or "parameters" not in text
    (folder / "again.yaml").write_text(text)
    return load_space(folder / "again.yaml")


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_space_that_ships(name: str, tmp_path: Path) -> None:
    space = load_space(shipped_spaces()[name])
    assert again(space, tmp_path) == space


def test_a_dataset_with_options_and_odd_names(tmp_path: Path) -> None:
    dataset = DatasetSpec("a folder/rows: # 1.csv", label="yes", drop=("no", 'a "b"'), val_fraction=0.25)
    space = dataclasses.replace(load_space(shipped_spaces()["default"]), dataset=dataset, objective="roc_auc")
    assert again(space, tmp_path) == space


def test_a_dataset_in_memory_is_left_out(tmp_path: Path) -> None:
    space = dataclasses.replace(load_space(shipped_spaces()["default"]), dataset=DatasetSpec(MEMORY))
    assert again(space, tmp_path).parameters == space.parameters


def test_folds_stand_beside_the_dataset_and_so_hold_for_other_data(tmp_path: Path) -> None:
    space = dataclasses.replace(load_space(shipped_spaces()["full"]), dataset=DatasetSpec("rows.csv", folds=3))
    assert again(space, tmp_path) == space
    assert load_space(tmp_path / "again.yaml", dataset="other.csv").dataset.folds == 3


@pytest.mark.parametrize("source", ["digits", MEMORY])
def test_weights_of_classes_with_odd_names_are_kept(source: str, tmp_path: Path) -> None:
    dataset = DatasetSpec(source, class_weight={"no": 2.0, "a: b": 0.5, "1": 3.0})
    space = dataclasses.replace(load_space(shipped_spaces()["default"]), dataset=dataset)
    assert again(space, tmp_path).dataset.class_weight == dataset.class_weight
