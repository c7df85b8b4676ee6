"""What `fcsearch run` searches: spaces and datasets, by option or by what an argument looks like."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_run import manifest

from fcsearch.cli.search_arguments import Choice, choose, dataset_name, default_space
from fcsearch.errors import SpaceError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.space import SearchSpace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 7},{i % 3},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(60))
    (tmp_path / "customers.csv").write_text("age,visits,churn\n" + rows)
    (tmp_path / "mine.yaml").write_text("parameters: {epochs: 3}")
    (tmp_path / "table").mkdir()
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("given", "choice"),
    [
        (["full"], Choice(space="full")),
        (["mine.yaml"], Choice(space="mine.yaml")),
        (["missing.YML"], Choice(space="missing.YML")),
        (["customers.csv"], Choice(dataset="customers.csv")),
        (["missing.csv"], Choice(dataset="missing.csv")),
        (["table"], Choice(dataset="table")),
        (["data/*"], Choice(dataset="data/*")),
        (["digits"], Choice(dataset="digits")),
        (["openml:31"], Choice(dataset="openml:31")),
        (["full", "digits"], Choice("full", "digits")),
        (["customers.csv", "mine.yaml"], Choice("mine.yaml", "customers.csv")),
    ],
)
def test_an_argument_is_what_it_looks_like(given: list[str], choice: Choice) -> None:
    assert choose(given, space=None, dataset=None) == choice


@pytest.mark.usefixtures("here")
def test_options_and_arguments_complete_each_other() -> None:
    assert choose(["digits"], space="full", dataset=None) == Choice("full", "digits")
    assert choose(["full"], space=None, dataset="digits") == Choice("full", "digits")
    assert choose([], space="full", dataset="customers.csv") == Choice("full", "customers.csv")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "fcsearch: say what to search: a space, a dataset, or both"),
        (["--label", "churn"], "fcsearch run customers.csv --label churn"),
        (["full", "--space", "mine.yaml"], "one space; found full and --space mine.yaml"),
        (["full", "mine.yaml"], "one space; found full and mine.yaml"),
        (["digits", "--dataset", "customers.csv"], "one dataset; found digits and --dataset customers.csv"),
        (["ful"], "'ful' is neither a space nor a dataset"),
        (["ful"], "Did you mean 'full'?"),
        (["digit"], "Did you mean 'digits'?"),
        ([""], "'' is neither a space nor a dataset"),
        (["--space", "ful"], "no space called 'ful' ships"),
        (["--space", "customers.csv"], "no space called 'customers.csv' ships"),
        (["--dataset", ""], "source"),
    ],
)
def test_bad_use_ends_with_one_message_and_exit_code_2(
    refused: Callable[..., str], arguments: list[str], says: str
) -> None:
    assert says in refused("run", *arguments, "--dry-run")


@pytest.mark.usefixtures("here")
def test_without_a_space_the_default_one_is_searched_under_the_name_of_the_data() -> None:
    choice = choose(["customers.csv"], space=None, dataset=None)
    space = choice.load(["dataset.label=churn", "trials=7"])
    assert (space.name, space.trials, space.sampler.name) == ("customers", 7, "tpe")
    assert (space.dataset.source, space.dataset.label) == ("customers.csv", "churn")
    assert choice.load(["name=other"]).name == "other"
    named = choose(["customers.csv"], space="small", dataset=None).load([])
    assert (named.name, named.parameters) == ("small", space.parameters)


def test_the_default_space_for_a_small_table_is_another(here: Path) -> None:
    numbers = pa.table({"x": np.arange(6000.0), "y": np.arange(6000) % 2})
    pq.write_table(numbers, here / "many.parquet")
    pq.write_table(numbers.slice(0, 3999), here / "few.parquet")
    pq.write_table(numbers.slice(0, 9).append_column("image", [[b"png"] * 9]), here / "images.parquet")
    with gzip.open(here / "many.csv.gz", "wt") as file:
        file.write("x,y\n" + "1,0\n" * 4000)
    with gzip.open(here / "few.csv.gz", "wt") as file:
        file.write("x,y\n" + "1,0\n" * 3999)
    for part, rows in (("train", 3000), ("test", 3000)):
        (here / "table" / f"{part}.csv").write_text("x,y\n" + "1,0\n" * rows)
    for count in (64, 65):
        names, values = ",".join(f"x{number}" for number in range(count)), ",".join(["1"] * count)
        (here / f"wide{count}.csv").write_text(f"{names}\n{values}\n")
    few, many = np.zeros((3000, 2)), np.zeros((1000, 2))
    np.savez(here / "few.npz", x_train=few, y_train=few[:, 0], x_test=few, y_test=few[:, 0])
    np.savez(here / "many.npz", x_train=few, y_train=few[:, 0], x_val=many, y_val=many[:, 0])
    np.savez(here / "pixels.npz", X=np.zeros((9, 4), dtype=np.uint8), y=np.arange(9))
    np.savez(here / "boxes.npz", X=np.zeros((9, 2, 2)), y=np.arange(9))
    small = ("few.parquet", "few.csv.gz", "customers.csv", "table", "wide64.csv", "few.npz")
    found = {path: default_space(path) for path in small}
    assert found == dict.fromkeys(found, "small")
    others = (
        "many.parquet",
        "many.csv.gz",
        "images.parquet",
        "wide65.csv",
        "many.npz",
        "pixels.npz",
        "boxes.npz",
        "digits",
        "openml:31",
        "none.csv",
        "e*.csv",
    )
    assert [default_space(path) for path in others] == ["default"] * len(others)


@pytest.mark.usefixtures("here")
def test_a_space_alone_keeps_its_dataset() -> None:
    assert choose(["dropout"], space=None, dataset=None).load([]).dataset.source == "digits"
    with pytest.raises(SpaceError, match="fcsearch init"):
        Choice(space="none.yaml").load([])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/customers.csv.gz", "customers"),
        ("table", "table"),
        ("table/", "table"),
        ("openml:credit-g", "openml-credit-g"),
        ("my data (1).csv", "my-data-1"),
        ("data/train-*.parquet", "train"),
        ("...", "space"),
    ],
)
def test_a_dataset_gives_a_name_to_files_and_runs(source: str, name: str) -> None:
    assert dataset_name(source) == name


def test_the_folder_itself_has_its_name(here: Path) -> None:
    assert dataset_name(".").startswith(here.name[:3])
    with pytest.raises(UsageError):
        choose(["nothing here"], space=None, dataset=None)


def test_a_run_directory_is_its_space_again(here: Path) -> None:
    space = SearchSpace.from_mapping(
        {"name": "first", "dataset": "customers.csv", "class_weight": "balanced", "parameters": {"epochs": 3}}
    )
    RunDirectory.create(here / "runs" / "first", manifest("first", space=space.to_json()))
    choice = choose(["runs/first"], space=None, dataset=None)
    assert choice == Choice(space="runs/first")
    assert choice.load([]) == space
    assert choose([], space="runs/first", dataset=None).load(["parameters.epochs=5"]) == space.changed(
        ["parameters.epochs=5"]
    )
    assert Choice("runs/first", "digits").load([]).dataset.source == "digits"
    # What stands beside the dataset can be taken out again.
    assert choice.load(["class_weight=null"]).dataset.class_weight is None
    # A name is never a folder of this place.
    RunDirectory.create(here / "full", manifest("full", space=space.to_json()))
    assert choose(["full"], space=None, dataset=None).load([]).name == "full"
