"""`fcsearch predict`: the classes that evaluate counts, row by row, from any source."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from customers import ROWS, customers, table, write
from run_fixtures import made_run
from synthetic_run import digits, make_run, save_model, trial_row

from fcsearch.cli import main
from fcsearch.cli.evaluate import evaluate
from fcsearch.cli.predict import _progress, predict
from fcsearch.data import parts
from fcsearch.data.matching import Locate, Matched, match_table
from fcsearch.data.transform import FeatureTransform
from fcsearch.results import RunDirectory, open_run

__all__ = ["customers", "made_run"]


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run on digits that says how features are made; not to be changed."""
    run = make_run(tmp_path_factory.mktemp("digits") / "digits", trials=16, models=0)
    run.keep_transform(digits().transform)
    for trial in (open_run(run.path).best["trial_id"], 0):
        save_model(run, trial_row(trial))
    return run


def predicted(run: RunDirectory | Path, source: object, *arguments: str) -> pa.Table:
    """What the command prints, as a table."""
    where = run.path if isinstance(run, RunDirectory) else run
    result = CliRunner().invoke(predict, [str(where), str(source), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    texts = pa.csv.ConvertOptions(column_types={"prediction": pa.string()})
    return pa.csv.read_csv(pa.BufferReader(result.stdout_bytes), convert_options=texts)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["predict", *map(str, arguments)])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def recalls(run: RunDirectory, source: object) -> dict[str, int]:
    """How many rows of each class evaluate finds predicted."""
    arguments = [str(run.path), "--dataset", str(source), "--format", "json"]
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    classes = json.loads(result.stdout)["classification"]["classes"]
    return {entry["name"]: round((entry["recall"] or 0) * entry["rows"]) for entry in classes}


@pytest.mark.parametrize("name", ["new.csv", "new.parquet"])
def test_the_classes_are_those_that_evaluate_counts(customers: RunDirectory, tmp_path: Path, name: str) -> None:
    rows = table(5)
    rows = rows.set_column(
        1, "job", pa.array([None if n % 7 == 0 else "abbot" if n % 5 == 0 else "cook" for n in range(ROWS)])
    )
    path = write(tmp_path, rows.append_column("id", pa.array(range(ROWS))), name)
    found = predicted(customers, path, "--keep", "id,churn")
    assert found.column_names == ["id", "churn", "prediction", "probability_no", "probability_yes"]
    assert found["id"].to_pylist() == list(range(ROWS))
    right = found.filter(pa.compute.equal(found["prediction"], found["churn"]))
    assert {name: right["churn"].to_pylist().count(name) for name in ("no", "yes")} == recalls(customers, path)
    no, yes = (found[f"probability_{name}"].to_numpy() for name in ("no", "yes"))
    np.testing.assert_allclose(no + yes, 1, atol=1e-6)
    assert found["prediction"].to_pylist() == np.where(yes > no, "yes", "no").tolist()


def test_neither_order_of_columns_nor_label_nor_source_matters(customers: RunDirectory, tmp_path: Path) -> None:
    whole = predicted(customers, write(tmp_path, table()))
    bare = table().select(["height", "code", "job", "age"])
    assert predicted(customers, write(tmp_path, bare, "bare.parquet")) == whole
    with gzip.open(tmp_path / "some.csv.gz", "wb") as file:
        file.write((tmp_path / "other.csv").read_bytes())
    assert predicted(customers, tmp_path / "some.csv.gz") == whole
    pa.csv.write_csv(bare, tmp_path / "some.tsv", pa.csv.WriteOptions(delimiter="\t"))
    assert predicted(customers, tmp_path / "some.tsv") == whole
    for number in range(3):
        write(tmp_path / "parts", table().slice(100 * number, 100), f"{number}.{('csv', 'parquet')[number % 2]}")
    assert predicted(customers, tmp_path / "parts") == whole
    assert predicted(customers, tmp_path / "parts" / "[01].*") == whole.slice(0, 200)


def test_files_are_read_and_written_in_parts(
    customers: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = predicted(customers, write(tmp_path, table(3, 5000)), "--keep", "age")
    # The first rows are whole numbers and known ones, the last are not.
    path = write(tmp_path, table(3, 5000), "many.csv")
    path.write_text(path.read_text() + "60.5,NA,x,170,no\n")
    pq.write_table(pa.csv.read_csv(path), tmp_path / "many.parquet", row_group_size=700)
    sizes = []

    def watch(transform: FeatureTransform, rows: pa.Table, locate: Locate, source: str) -> Matched:
        sizes.append(rows.num_rows)
        return match_table(transform, rows, locate, source)

    monkeypatch.setattr(parts, "match_table", watch)
    monkeypatch.setattr(parts, "_PART_ROWS", 256)
    monkeypatch.setattr("fcsearch.data.sources.streams._BLOCK", 8192)
    for source in (path, tmp_path / "many.parquet"):
        sizes.clear()
        found = predicted(customers, source, "--keep", "age")
        assert found.slice(0, 5000).select([1, 2, 3]) == whole.select([1, 2, 3])
        assert found["age"][5000].as_py() == 60.5
        assert max(sizes) <= 256
        assert sum(sizes) == 5001


def test_parquet_has_the_same_predictions_and_typed_columns(customers: RunDirectory, tmp_path: Path) -> None:
    rows = table().append_column("when", pa.array(range(ROWS), pa.timestamp("s")))
    rows = rows.append_column("kind", pa.array(["a", "b", "c"] * 100).dictionary_encode())
    path, out = write(tmp_path, rows, "new.parquet"), tmp_path / "out.parquet"
    out.write_text("something else")
    keep = ["--keep", "when", "--keep", "kind,age"]
    result = CliRunner().invoke(predict, [str(customers.path), str(path), "--out", str(out), *keep])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote 300 predictions by trial 0 of run to {out}\n"
    found = pq.read_table(out)
    names = ["when", "kind", "age", "prediction", "probability_no", "probability_yes"]
    assert found.column_names == names
    assert [str(found.schema.field(name).type) for name in names[:5]] == [
        "timestamp[ms]",
        "string",
        "int64",
        "string",
        "float",
    ]
    assert found["age"].to_pylist() == rows["age"].to_pylist()
    printed = predicted(customers, path)
    assert found["prediction"].to_pylist() == printed["prediction"].to_pylist()
    np.testing.assert_allclose(found["probability_no"].to_numpy(), printed["probability_no"].to_numpy(), rtol=1e-6)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_kept_texts_of_a_csv_file_stay_as_they_are(customers: RunDirectory, tmp_path: Path) -> None:
    rows = table(rows=4).append_column("id", pa.array(["007", "NA", "1e3", ""]))
    result = CliRunner().invoke(predict, [str(customers.path), str(write(tmp_path, rows)), "--keep", "id"])
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ['"id"', '"007"', '"NA"', '"1e3"', '""']


def test_what_is_not_known_is_said_with_counts(customers: RunDirectory, tmp_path: Path) -> None:
    job = pa.array(["abbot" if row % 3 == 0 else "cook" for row in range(ROWS)])
    path = write(tmp_path, table().set_column(1, "job", job).append_column("memo", job).append_column("id", job))
    result = CliRunner().invoke(predict, [str(customers.path), str(path), "--keep", "id"])
    assert "column 'job' has 100 values that the training rows do not have ('abbot')" in result.stderr
    assert "ignored what the network does not read: memo\n" in result.stderr


def test_digits_from_arrays_images_and_by_name(digits_run: RunDirectory, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    data = load_digits()
    whole = predicted(digits_run, "digits")
    assert whole.num_rows == 1797
    hits = np.array(whole["prediction"].to_pylist()) == data.target.astype(str)
    counts = {str(number): int(hits[data.target == number].sum()) for number in range(10)}
    assert counts == recalls(digits_run, "digits")
    pixels = data.images.astype(np.uint8)
    np.savez(tmp_path / "x.npz", X=pixels)
    assert predicted(digits_run, tmp_path / "x.npz") == whole
    np.savez(tmp_path / "splits.npz", x_test=pixels[1000:], x_train=pixels[:1000], y_train=data.target[:1000])
    assert predicted(digits_run, tmp_path / "splits.npz") == whole
    images = pa.array(pixels.tolist(), pa.list_(pa.list_(pa.uint8())))
    path = write(tmp_path, pa.table({"pixels": images, "id": range(1797)}), "digits.parquet")
    assert predicted(digits_run, path, "--keep", "id").select(whole.column_names) == whole


def test_a_trial_and_a_file_by_itself(digits_run: RunDirectory, customers: RunDirectory, tmp_path: Path) -> None:
    best = open_run(digits_run.path).best["trial_id"]
    other = next(trial for trial in digits_run.saved_models() if trial != best)
    whole = predicted(digits_run, "digits")
    assert predicted(digits_run, "digits", "--model", "best") == whole
    assert predicted(digits_run, "digits", "--model", str(best)) == whole
    assert predicted(digits_run, "digits", "--model", str(other)) != whole
    model = shutil.copy(customers.models.path(0), tmp_path / "model.safetensors")
    path = write(tmp_path, table())
    assert predicted(model, path) == predicted(customers, path)


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for kind in (Screen, io.StringIO):
        monkeypatch.setattr(sys, "stderr", kind())
        with _progress() as tell:
            tell(0.5)
        shown[kind] = sys.stderr.getvalue()
    assert "50%" in shown[Screen]
    assert shown[io.StringIO] == ""


def test_bad_input_is_refused(
    customers: RunDirectory,
    digits_run: RunDirectory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write(tmp_path, table())
    gone = tmp_path / "gone"
    assert "must be a run directory; found nothing there" in refused(capsys, gone, path)
    assert "must be a safetensors file" in refused(capsys, gone / "model.safetensors", path)
    assert "must exist; found nothing there" in refused(capsys, customers.path, gone / "x.csv")
    assert "must be best or the number of a trial; found 'bets'. Did you mean 'best'?" in refused(
        capsys, customers.path, path, "--model", "bets"
    )
    assert "trial 9 of" in refused(capsys, customers.path, path, "--model", "9")
    model = customers.models.path(0)
    assert "Leave it out" in refused(capsys, model, path, "--model", "best")
    lacking = write(tmp_path, table().drop_columns(["age", "job"]), "lacking.csv")
    assert "'age', 'job' are missing" in refused(capsys, customers.path, lacking)
    words = write(tmp_path, table().set_column(0, "age", pa.array(["old"] * ROWS)), "words.csv")
    assert "column 'age' of" in refused(capsys, customers.path, words)
    (tmp_path / "late.csv").write_text(path.read_text() + "x,cook,1,170,no\n")
    out = tmp_path / "o.csv"
    assert "found text such as 'x'" in refused(capsys, customers.path, tmp_path / "late.csv", "--out", out)
    monkeypatch.setattr("fcsearch.data.sources.streams._BLOCK", 2048)
    error = refused(capsys, customers.path, tmp_path / "late.csv", "--out", out)
    assert f"column 'age' of {tmp_path / 'late.csv'} must hold numbers, as in the training rows; found 'x'" in error
    assert not out.exists()
    (tmp_path / "head.csv").write_text("age,job,code,height\n")
    assert "must have rows; found none" in refused(capsys, customers.path, tmp_path / "head.csv")
    empty = write(tmp_path, table().slice(0, 0), "empty.parquet")
    assert "must have rows; found none" in refused(capsys, customers.path, empty)
    np.savez(tmp_path / "none.npz", X=np.zeros((0, 8, 8), np.uint8))
    assert "shape (0, 8, 8)" in refused(capsys, digits_run.path, tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    assert "must hold an array of features" in refused(capsys, digits_run.path, tmp_path / "other.npz")


def test_bad_outputs_and_kept_columns_are_refused(
    customers: RunDirectory, digits_run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, table())
    assert "must end in .parquet or .csv" in refused(capsys, customers.path, path, "--out", tmp_path / "out.xlsx")
    assert "in a folder that exists" in refused(capsys, customers.path, path, "--out", tmp_path / "no" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "found the folder" in refused(capsys, customers.path, path, "--out", tmp_path / "folder.csv")
    before = path.read_bytes()
    assert "another file than those of INPUT" in refused(capsys, customers.path, path, "--out", path)
    assert path.read_bytes() == before
    keep = "--keep must name columns of"
    assert f"{keep} {path}; found 'ages'" in refused(capsys, customers.path, path, "--keep", "ages")
    assert "Did you mean 'age'?" in refused(capsys, customers.path, path, "--keep", "ages")
    assert "no named columns to keep" in refused(capsys, digits_run.path, "digits", "--keep", "id")
    twice = write(tmp_path, table().append_column("prediction", table()["job"]), "twice.csv")
    assert "called otherwise" in refused(capsys, customers.path, twice, "--keep", "prediction")
    lists = table().append_column("many", pa.array([[1, 2]] * ROWS))
    nested = write(tmp_path, lists, "nested.parquet")
    error = refused(capsys, customers.path, nested, "--keep", "many", "--out", tmp_path / "out.csv")
    assert "write a .parquet file" in error
    mixed = table().append_column("note", pa.array([1] * ROWS))
    write(tmp_path / "mixed", mixed, "1.parquet")
    write(tmp_path / "mixed", mixed.set_column(5, "note", pa.array(["a"] * ROWS)), "2.parquet")
    error = refused(capsys, customers.path, tmp_path / "mixed", "--keep", "note", "--out", tmp_path / "out.csv")
    assert "must have one type in all files" in error
    assert list(tmp_path.glob("*out*")) == []
    (tmp_path / "old.csv").write_text("kept")
    refused(capsys, customers.path, tmp_path / "mixed", "--keep", "note", "--out", tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_permits_no_writing_is_refused(
    customers: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    path = write(tmp_path, table())
    assert "permits no writing" in refused(capsys, customers.path, path, "--out", tmp_path / "shut" / "out.csv")


def test_models_of_an_older_fcsearch_are_refused_with_what_to_do(
    made_run: RunDirectory, customers: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, made_run.path, "digits")
    best = open_run(made_run.path).best["trial_id"]
    assert f"`fcsearch train --run {made_run.path} --trial {best} --save model.safetensors`" in error
    customers.models.load(0).save(tmp_path / "bare.safetensors")
    error = refused(capsys, tmp_path / "bare.safetensors", write(tmp_path, table()))
    assert "must say how features are made of columns; an older fcsearch wrote it without" in error
    assert "fcsearch train --run RUN --trial N --save model.safetensors" in error


def test_a_reader_that_leaves_ends_it_quietly(customers: RunDirectory, tmp_path: Path) -> None:
    path = write(tmp_path, table(1, 30_000))
    command = [sys.executable, "-m", "fcsearch", "predict", str(customers.path), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'"prediction"')
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert error == b""
