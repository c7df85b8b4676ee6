"""What `fcsearch predict` cannot do is refused in words, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from commands import ran
from customers import ROWS, table, write

from fcsearch.data import DatasetSpec
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError
from fcsearch.inference.choosing import choose_model
from fcsearch.results import RunDirectory, open_run


def test_bad_input_is_refused(
    customers: RunDirectory, digits_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = write(tmp_path, table())
    gone = tmp_path / "gone"
    assert "[RUN|MODEL] INPUT`; found nothing" in refused("predict")
    assert "[RUN|MODEL] INPUT`; found 3 arguments" in refused("predict", "a", "b", "c")
    assert "must be a run directory; found nothing there" in refused("predict", gone, path)
    assert "must be a model that fcsearch saved" in refused("predict", gone / "model.safetensors", path)
    (tmp_path / "model.onnx").touch()
    error = refused("predict", tmp_path / "model.onnx", path)
    assert "a model must be a .safetensors file or one of a run; found" in error
    assert "with --format safetensors too" in error
    assert "must exist; found nothing there" in refused("predict", customers.path, gone / "x.csv")
    assert "found 'bets'. Did you mean 'best'?" in refused("predict", customers.path, path, "--model", "bets")
    assert "and trained; found 9" in refused("predict", customers.path, path, "--model", "9")
    model = customers.models.path(0)
    assert "Leave it out" in refused("predict", model, path, "--model", "best")
    lacking = write(tmp_path, table().drop_columns(["age", "job"]), "lacking.csv")
    assert "'age', 'job' are missing" in refused("predict", customers.path, lacking)
    words = write(tmp_path, table().set_column(0, "age", pa.array(["old"] * ROWS)), "words.csv")
    assert "column 'age' of" in refused("predict", customers.path, words)
    (tmp_path / "late.csv").write_text(path.read_text() + "x,cook,1,170,no\n")
    out = tmp_path / "o.csv"
    assert "found text such as 'x'" in refused("predict", customers.path, tmp_path / "late.csv", "--out", out)
    assert not out.exists()
    transform = choose_model(str(customers.path), None, tmp_path).predictor.transform
    with pytest.raises(DataError) as late:
        list(read_parts(DatasetSpec(str(tmp_path / "late.csv")), transform, block=2048))
    error = str(late.value)
    assert f"column 'age' of {tmp_path / 'late.csv'} must hold numbers, as in the training rows; found 'x'" in error
    (tmp_path / "head.csv").write_text("age,job,code,height\n")
    assert "must have rows; found none" in refused("predict", customers.path, tmp_path / "head.csv")
    empty = write(tmp_path, table().slice(0, 0), "empty.parquet")
    assert "must have rows; found none" in refused("predict", customers.path, empty)
    np.savez(tmp_path / "none.npz", X=np.zeros((0, 8, 8), np.uint8))
    assert "shape (0, 8, 8)" in refused("predict", digits_run.path, tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    assert "must hold an array of features" in refused("predict", digits_run.path, tmp_path / "other.npz")


def test_a_run_or_a_model_without_rows_is_refused(
    made_run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made_run.path, tmp_path / "runs" / "may")
    for name in ("may", "runs/may"):
        error = refused("predict", name)
        assert f"name the rows to predict behind the run: `fcsearch predict {name} INPUT`; found no INPUT" in error
    assert "behind the model: `fcsearch predict may.safetensors INPUT`" in refused("predict", "may.safetensors")
    assert "behind the run" in refused("predict", "s3://bucket/runs/may")
    # Rows that go by the name of a run.
    (tmp_path / "may").mkdir()
    assert "an older fcsearch wrote it" in refused("predict", "may")
    (tmp_path / "runs" / "may").rename(tmp_path / "runs" / "digits")
    assert "an older fcsearch wrote it" in refused("predict", "digits")


def test_bad_outputs_and_kept_columns_are_refused(
    customers: RunDirectory, digits_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = write(tmp_path, table())
    assert "must end in .parquet or .csv" in refused("predict", customers.path, path, "--out", tmp_path / "out.xlsx")
    assert "in a folder that exists" in refused("predict", customers.path, path, "--out", tmp_path / "no" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "found the folder" in refused("predict", customers.path, path, "--out", tmp_path / "folder.csv")
    before = path.read_bytes()
    assert "must not be a file of INPUT" in refused("predict", customers.path, path, "--out", path)
    assert path.read_bytes() == before
    keep = "--keep must name columns of"
    assert f"{keep} {path}; found 'ages'" in refused("predict", customers.path, path, "--keep", "ages")
    assert "Did you mean 'age'?" in refused("predict", customers.path, path, "--keep", "ages")
    assert "no named columns to keep" in refused("predict", digits_run.path, "digits", "--keep", "id")
    twice = write(tmp_path, table().append_column("prediction", table()["job"]), "twice.csv")
    assert "whose names differ" in refused("predict", customers.path, twice, "--keep", "prediction")
    lists = table().append_column("many", pa.array([[1, 2]] * ROWS))
    nested = write(tmp_path, lists, "nested.parquet")
    error = refused("predict", customers.path, nested, "--keep", "many", "--out", tmp_path / "out.csv")
    assert "write a .parquet file" in error
    mixed = table().append_column("note", pa.array([1] * ROWS))
    write(tmp_path / "mixed", mixed, "1.parquet")
    write(tmp_path / "mixed", mixed.set_column(5, "note", pa.array(["a"] * ROWS)), "2.parquet")
    error = refused("predict", customers.path, tmp_path / "mixed", "--keep", "note", "--out", tmp_path / "out.csv")
    assert "must have one type in all files" in error
    assert list(tmp_path.glob("*out*")) == []
    (tmp_path / "old.csv").write_text("kept")
    refused("predict", customers.path, tmp_path / "mixed", "--keep", "note", "--out", tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_permits_no_writing_is_refused(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    path = write(tmp_path, table())
    assert "is not writable" in refused("predict", customers.path, path, "--out", tmp_path / "shut" / "out.csv")


def test_models_of_an_older_fcsearch_are_refused_with_what_to_do(
    made_run: RunDirectory, customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    error = refused("predict", made_run.path, "digits")
    best = open_run(made_run.path).best["trial_id"]
    assert f"`fcsearch train --run {made_run.path} --trial {best} --save model.safetensors`" in error
    customers.models.load(0).save(tmp_path / "bare.safetensors")
    error = refused("predict", tmp_path / "bare.safetensors", write(tmp_path, table()))
    assert "must say how columns become features; an older fcsearch wrote it without" in error
    assert "fcsearch train --run RUN --trial N --save model.safetensors" in error


def test_predictions_are_not_written_where_they_would_be_read_as_input(
    customers: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    folder = write(tmp_path / "new", table(), "may.csv").parent
    out = folder / "predictions.csv"
    for source in (folder, folder / "*.csv"):
        assert "would be read with it next time" in refused("predict", customers.path, source, "--out", out)
    assert not out.exists()
    places = (out, tmp_path / "predictions.csv", folder / "_predictions.csv")
    for source, allowed in zip((folder / "m*.csv", folder, folder), places, strict=True):
        ran("predict", customers.path, source, "--out", allowed)
        assert allowed.exists()
        allowed.unlink()
