"""`fcsearch evaluate --dataset`: rows that are not the run's, or that moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from commands import output_of, ran
from customers import COLUMNS, ROWS, table, write
from evaluated import found
from PIL import Image
from synthetic_run import make_table_run

from fcsearch.config import OWN_FORM
from fcsearch.data import Dataset
from fcsearch.evaluation import load_run_dataset
from fcsearch.results import RunDirectory, open_run


@pytest.mark.parametrize("name", ["other.csv", "other.parquet"])
def test_columns_in_another_order_give_the_same_figures(customers: RunDirectory, tmp_path: Path, name: str) -> None:
    same = found(customers, "--dataset", str(write(tmp_path, table(), name)))
    shuffled = table().select(["height", "churn", "code", "age", "job"])
    again = found(customers, "--dataset", str(write(tmp_path, shuffled, name)))
    assert again == same
    assert again["rows"] == ROWS
    assert again["accuracy"] > 0.8


def test_two_classes_have_figures_of_their_ranking(customers: RunDirectory) -> None:
    figures, rarer = found(customers)["figures"], found(customers)["positive"]
    words = " ".join(output_of("evaluate", customers.path).split())
    assert f"ROC AUC {figures['roc_auc']:.4g} area under the ROC curve of {rarer!r}" in words
    assert f"average precision {figures['average_precision']:.4g} of {rarer!r}: mean precision" in words


def test_every_row_is_measured_as_training_would_have(customers: RunDirectory, tmp_path: Path) -> None:
    parts = [found(customers, "--split", split) for split in ("train", "val", "test")]
    whole = found(customers, "--dataset", str(write(tmp_path, table())))
    right = sum(round(part["accuracy"] * part["rows"]) for part in parts)
    assert (whole["rows"], whole["split"]) == (sum(part["rows"] for part in parts), "all")
    assert whole["accuracy"] == pytest.approx(right / ROWS, abs=1e-12)
    # Ten of them are scaled by the training rows too, not by themselves; one class alone will do.
    for answer in ("yes", "no"):
        rows = table().filter(pa.compute.equal(table()["churn"], answer)).slice(0, 10)
        few = found(customers, "--dataset", str(write(tmp_path, rows)))
        assert few["rows"] == 10
        assert few["classification"]["classes"][["no", "yes"].index(answer)]["rows"] == 10


def test_unseen_categories_are_none_of_the_known_ones_and_counted(customers: RunDirectory, tmp_path: Path) -> None:
    job = pa.array(["abbot" if row % 3 == 0 else "cook" for row in range(ROWS)])
    path = write(tmp_path, table().set_column(1, "job", job).append_column("memo", job))
    result = ran("evaluate", customers.path, "--dataset", path)
    assert "column 'job' has 100 values that the training rows do not have ('abbot')" in result.stderr
    assert "ignored columns that the network does not read: memo" in result.stderr
    assert "on all 300 rows" in result.stdout
    known = found(customers, "--dataset", str(path))
    assert known["unseen_categories"] == {"job": {"abbot": 100}}
    assert known["ignored_columns"] == ["memo"]
    cooks = table().set_column(1, "job", pa.array(["cook"] * ROWS))
    assert found(customers, "--dataset", str(write(tmp_path, cooks)))["accuracy"] != known["accuracy"]


def test_missing_columns_are_named_together(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = write(tmp_path, table().rename_columns(["Age", "job", "code", "size", "churn"]))
    error = refused("evaluate", customers.path, "--dataset", path)
    assert "'age', 'height' are missing. Is 'age' called 'Age' here? Rename it." in error
    path = write(tmp_path, table().drop_columns(["churn"]))
    assert "must have the label column 'churn'" in refused("evaluate", customers.path, "--dataset", path)


def test_columns_in_other_capitals_are_named_with_what_they_are_called(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = write(tmp_path, table().rename_columns(["AGE", "Job", "CODE", "height", "CHURN"]))
    error = refused("evaluate", customers.path, "--dataset", path)
    assert "must have the label column 'churn' of the training rows; found the columns AGE, Job" in error
    assert "Did you mean 'CHURN'? Rename it, or name it with --label." in error
    error = refused("evaluate", customers.path, "--dataset", path, "--label", "CHURN")
    assert "'age', 'job', 'code' are missing. Are 'age', 'job', 'code' called 'AGE', 'Job', 'CODE' here? " in error


def test_codes_stay_texts_in_a_label_of_another_name_too(tmp_path: Path) -> None:
    codes = table().set_column(4, "kind", pa.array(["01" if row % 2 else "1" for row in range(ROWS)]))
    run = make_table_run(tmp_path / "run", write(tmp_path, codes, "codes.parquet"), label="kind")
    expected = found(run, "--dataset", str(write(tmp_path, codes)))
    renamed = write(tmp_path, codes.rename_columns([*COLUMNS[:4], "class"]), "renamed.csv")
    assert found(run, "--dataset", str(renamed), "--label", "class") == expected


def test_columns_of_another_kind_are_named_together(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    words = pa.array(["tall"] * ROWS)
    path = write(tmp_path, table().set_column(0, "age", words).set_column(3, "height", words))
    error = refused("evaluate", customers.path, "--dataset", path)
    assert "column 'age' of" in error
    assert "column 'height' of" in error
    assert "must hold numbers, as in the training rows; found text such as 'tall'" in error


def test_classes_are_matched_by_name_and_strange_ones_refused(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    churn = pa.array([["perhaps", "no", "yes", "yes"][row % 4] for row in range(ROWS)])
    path = write(tmp_path, table().set_column(4, "churn", churn))
    error = refused("evaluate", customers.path, "--dataset", path)
    assert (
        "the classes that the network learned (no, yes); found 75 rows of another class: 'perhaps' (75 rows)" in error
    )


def test_numbers_may_look_like_text_and_gaps_are_filled(customers: RunDirectory, tmp_path: Path) -> None:
    """`01` is a category beside `1`, also where no `x` keeps the file's column from being read as a number."""
    rows = table().filter(pa.compute.not_equal(table()["code"], "x"))
    text = found(customers, "--dataset", str(write(tmp_path, rows, "other.parquet")))
    assert found(customers, "--dataset", str(write(tmp_path, rows))) == text
    empty = rows.set_column(0, "age", pa.nulls(len(rows)))
    assert found(customers, "--dataset", str(write(tmp_path, empty)))["rows"] == len(rows)


def test_a_split_needs_the_runs_own_rows(customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]) -> None:
    moved = write(tmp_path, table(), "moved.csv")
    expected = found(customers, "--split", "test")
    assert found(customers, "--dataset", str(moved), "--split", "test") == expected
    error = refused("evaluate", customers.path, "--dataset", str(write(tmp_path, table(1))), "--split", "test")
    assert "--split with --dataset needs the run's own rows" in error
    assert "leave --split out" in error
    error = refused("evaluate", customers.path, "--dataset", tmp_path / "gone.csv", "--split", "test")
    assert f"(looked in {Path.cwd()}); or leave --split out" in " ".join(error.split())


def test_a_folder_is_measured_whole(customers: RunDirectory, tmp_path: Path) -> None:
    for name, rows in (("train.csv", table(1, 40)), ("test.csv", table(2, 30))):
        write(tmp_path / "parts", rows, name)
    write(tmp_path / "parts", table(3, 20).select(COLUMNS[::-1]), "more-test.csv")
    assert found(customers, "--dataset", str(tmp_path / "parts"))["rows"] == 90
    assert found(customers, "--dataset", str(tmp_path / "parts" / "*test.csv"))["rows"] == 50


def test_the_model_file_is_enough_and_an_older_run_fits_again(tmp_path: Path, refused: Callable[..., str]) -> None:
    source = write(tmp_path, table(), "customers.csv")
    run = make_table_run(tmp_path / "run", source, label="churn")
    other = write(tmp_path, table(1))
    expected = found(run, "--dataset", str(other))
    (run.path / "transform.json").unlink()
    source.rename(tmp_path / "elsewhere.csv")
    # How many of these rows are the run's own is not known without its dataset.
    assert found(run, "--dataset", str(other)) == expected | {"own_rows": None}
    # A model of before: the transform is fitted on the run's own rows again, if they are there.
    strip_transform(run)
    error = refused("evaluate", run.path, "--dataset", str(other))
    assert "must hold transform.json" in error
    assert "customers.csv must exist" in error
    (tmp_path / "elsewhere.csv").rename(source)
    assert found(run, "--dataset", str(other)) == expected
    assert found(run, "--split", "test")["rows"] == 45


def strip_transform(run: RunDirectory) -> None:
    from fcsearch.nn.storage import load_tensors, save_tensors

    path = run.models.path(open_run(run.path).best["trial_id"])
    tensors, texts = load_tensors(path)
    save_tensors(path, tensors, {key: text for key, text in texts.items() if key != "fcsearch.transform"})


def test_images_of_a_named_dataset_from_files(
    made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    whole = found(made_run, "--dataset", "digits")
    assert whole["rows"] == 1797
    np.savez(tmp_path / "digits.npz", X=digits.images.astype(np.uint8), y=digits.target)
    assert found(made_run, "--dataset", str(tmp_path / "digits.npz")) == whole
    images = pa.array(digits.images.astype(np.uint8).tolist(), pa.list_(pa.list_(pa.uint8())))
    path = write(tmp_path, pa.table({"pixels": images, "label": digits.target}), "digits.parquet")
    assert found(made_run, "--dataset", str(path)) == whole
    np.savez(tmp_path / "half.npz", X=digits.images[:, :4].astype(np.uint8), y=digits.target)
    error = refused("evaluate", made_run.path, "--dataset", tmp_path / "half.npz")
    assert "must have the shape 8x8x1, as in training; found 4x8" in error
    np.savez(tmp_path / "scaled.npz", X=digits.images / 16, y=digits.target)
    error = refused("evaluate", made_run.path, "--dataset", tmp_path / "scaled.npz")
    assert "must hold bytes from 0 to 255" in error
    columns = pa.table({**{f"p{place}": digits.data[:, place] for place in range(64)}, "label": digits.target})
    error = refused("evaluate", made_run.path, "--dataset", str(write(tmp_path, columns)))
    assert "must have one column of images of 8x8x1" in error


def test_the_label_of_training_is_not_asked_of_sources_that_name_it_otherwise(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 4)).astype(np.uint8)
    kinds = ["ape", "bee"] * 20
    files = [tmp_path / "pics" / kind / f"{row}.png" for row, kind in enumerate(kinds)]
    for file, one in zip(files, pixels, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(file)
    rows = pa.table({"image": [file.read_bytes() for file in files], "kind": kinds})
    source = write(tmp_path, rows, "images.parquet")
    run = make_table_run(tmp_path / "run", source, label="kind", preprocessing="none")
    expected = found(run, "--dataset", str(source))
    np.savez(tmp_path / "arrays.npz", X=pixels, y=kinds)
    for name in ("pics", "arrays.npz"):
        again = found(run, "--dataset", str(tmp_path / name))
        assert (again["accuracy"], again["rows"], again["own_rows"]) == (expected["accuracy"], 40, 34)


def test_an_array_of_labels_keeps_the_name_that_it_had_in_training(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    source = tmp_path / "rows.npz"
    np.savez(source, X=X, kind=(X[:, 0] > 0).astype(int), y=np.zeros(60, int))
    run = make_table_run(tmp_path / "run", source, label="kind")
    assert found(run, "--dataset", str(source))["rows"] == 60
    assert found(run, "--dataset", str(source))["own_rows"] == 51
    assert len(found(run, "--dataset", str(source), "--label", "y")["classification"]["classes"]) == 2


def test_a_label_is_only_for_what_names_its_label(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "pics" / "yes").mkdir(parents=True)
    Image.new("L", (2, 2)).save(tmp_path / "pics" / "yes" / "1.png")
    for source in ("digits", tmp_path / "pics"):
        error = refused("evaluate", customers.path, "--dataset", source, "--label", "kind")
        assert f"--label belongs to tables and arrays; the labels of {source} have no name" in error


def test_every_split_is_made_in_the_forms_of_the_model_alone(
    customers: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def load(run: RunDirectory, **options: Any) -> Dataset:
        asked.append(list(options["forms"]))
        return load_run_dataset(run, **options)

    monkeypatch.setattr("fcsearch.evaluation.elsewhere.load_run_dataset", load)
    monkeypatch.setattr("fcsearch.evaluation.load_run_dataset", load)
    own = customers.dataset_spec().source
    assert found(customers, "--split", "val") == found(customers, "--split", "val", "--dataset", own)
    assert asked == [[OWN_FORM]] * 2
