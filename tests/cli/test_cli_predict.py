"""`fcsearch predict`: the classes that evaluate counts, row by row, from any source."""

from __future__ import annotations

import gzip
import io
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
from commands import Terminal, json_of, output_of, ran
from customers import ROWS, table, write

from fcsearch.cli import main
from fcsearch.cli.predict import _progress, predict
from fcsearch.data import DatasetSpec
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.predicting import predict_source
from fcsearch.inference.sink import TableSink
from fcsearch.results import RunDirectory, open_run


def predicted(run: RunDirectory | Path, source: object, *arguments: str) -> pa.Table:
    """What the command prints, as a table."""
    where = run.path if isinstance(run, RunDirectory) else run
    return as_table(ran("predict", where, source, *arguments).stdout_bytes)


def as_table(printed: bytes) -> pa.Table:
    """Predictions from the CSV that they are printed as."""
    texts = pa.csv.ConvertOptions(column_types={"prediction": pa.string()})
    return pa.csv.read_csv(pa.BufferReader(printed), convert_options=texts)


def recalls(run: RunDirectory, source: object) -> dict[str, int]:
    """How many rows of each class evaluate finds predicted."""
    classes = json_of("evaluate", run.path, "--dataset", source)["classification"]["classes"]
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


def test_files_are_read_and_written_in_parts(customers: RunDirectory, tmp_path: Path) -> None:
    whole = predicted(customers, write(tmp_path, table(3, 5000)), "--keep", "age")
    # The first rows are whole numbers and known ones, the last are not.
    path = write(tmp_path, table(3, 5000), "many.csv")
    path.write_text(path.read_text() + "60.5,NA,x,170,no\n")
    pq.write_table(pa.csv.read_csv(path), tmp_path / "many.parquet", row_group_size=700)
    predictor = choose_model(str(customers.path), None, tmp_path).predictor
    for source in (path, tmp_path / "many.parquet"):
        sizes, stream = list[int](), io.BytesIO()
        sink = TableSink(stream, ".csv")

        def write_part(part: pa.Table, sizes: list[int] = sizes, sink: TableSink = sink) -> None:
            sizes.append(part.num_rows)
            sink.write(part)

        spec = DatasetSpec(str(source))
        predict_source(predictor, spec, write_part, keep=["age"], progress=float, most_rows=256, block=8192)
        sink.close()
        found = as_table(stream.getvalue())
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
    assert (
        output_of("predict", customers.path, path, "--out", out, *keep)
        == f"wrote 300 predictions by trial 0 of run to {out}\n"
    )
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
    assert "ignored columns that the network does not read: memo\n" in result.stderr


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
    other = next(trial for trial in digits_run.models.saved() if trial != best)
    whole = predicted(digits_run, "digits")
    assert predicted(digits_run, "digits", "--model", "best") == whole
    assert predicted(digits_run, "digits", "--model", str(best)) == whole
    assert predicted(digits_run, "digits", "--model", str(other)) != whole
    model = shutil.copy(customers.models.path(0), tmp_path / "model.safetensors")
    path = write(tmp_path, table())
    assert predicted(model, path) == predicted(customers, path)


def test_a_bar_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for kind in (Terminal, io.StringIO):
        monkeypatch.setattr(sys, "stderr", kind())
        with _progress() as tell:
            tell(0.5)
        shown[kind] = sys.stderr.getvalue()
    assert "50%" in shown[Terminal]
    assert shown[io.StringIO] == ""


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


def test_the_newest_run_is_taken_and_named_where_none_is(customers: RunDirectory, tmp_path: Path) -> None:
    rows = write(tmp_path, table(1))
    arguments = [rows, "--dir", customers.path.parent]
    result = ran("predict", *arguments)
    assert as_table(result.stdout_bytes) == predicted(customers, rows)
    said = f"fcsearch: predictions by trial 0 of {customers.path.name}, the newest run\n"
    assert result.stderr == said
    out = tmp_path / "out.csv"
    written = ran("predict", *arguments, "--out", out)
    assert (written.stdout, written.stderr) == (
        f"wrote {ROWS} predictions by trial 0 of {customers.path.name} to {out}\n",
        said,
    )
    assert ran("predict", customers.path, rows).stderr == ""


def test_the_newest_run_is_named_where_the_rows_do_not_fit_it(
    customers: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write(tmp_path, table(1).drop_columns("age"))
    with pytest.raises(SystemExit):
        main(["predict", str(rows), "--dir", str(customers.path.parent)])
    named, refused = capsys.readouterr().err.splitlines()[:2]
    assert named == f"fcsearch: predictions by trial 0 of {customers.path.name}, the newest run"
    assert "must have the columns" in refused
