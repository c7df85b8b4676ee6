"""What a network sees of the rows, in words."""

import io
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from form_searches import FORMS, of_form, search
from PIL import Image
from synthetic_run import digits, make_table_run

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.joint_transform import join_transforms
from fcsearch.evaluation import load_run_dataset
from fcsearch.report import FinalTest, build_report, render_text
from fcsearch.report.features import feature_lines, features_in, features_of
from fcsearch.results import RunDirectory

ROWS = "id,age,city,noise,kind\n" + "".join(
    f"c{row},{row},{'ab'[row % 2]},{row * 7 % 13},{'xy'[row % 3 == 0]}\n" for row in range(200)
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    return path


def lines(path: Path, **options: Any) -> list[str]:
    data = load_dataset(DatasetSpec(str(path), label="kind", drop=("id",), **options))
    return list(feature_lines(features_in(data.transform, data.describe()["spec"], embedded=False)))


def test_the_report_says_what_becomes_of_the_columns(table: Path, tmp_path: Path) -> None:
    run = make_table_run(tmp_path / "run", table, label="kind", drop=("id",), preprocessing="piecewise", bins=8)
    found = build_report(run, test=FinalTest(note="-"))
    assert found.features.left_out == (("id", "as told"),)
    text = render_text(found, width=200)
    assert f"features: 2 numbers and 1 category; numbers piecewise-linear, 8 bins: {found.features.width} fe" in text
    assert "left out: id (as told)\n" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"preprocessing": "standardize"}, "numbers shifted and scaled: 4 features"),
        ({"preprocessing": "quantile"}, "numbers mapped by their quantiles: 4 features"),
        ({"preprocessing": "piecewise", "bins": 48}, "numbers piecewise-linear, up to 48 bins: "),
    ],
)
def test_each_form_has_its_words(table: Path, options: dict[str, Any], words: str) -> None:
    assert words in lines(table, **options)[0]


def test_a_column_that_splits_the_rows_says_so(table: Path) -> None:
    assert lines(table, time="age")[1] == "left out: id (as told), age (the time of the split)"


def test_a_column_that_is_left_out_untold_has_its_reason(table: Path, tmp_path: Path) -> None:
    rows = [f"{number}{',' if number else ''}{line}" for number, line in enumerate(ROWS.splitlines())]
    table.write_text("\n".join([f",{ROWS.splitlines()[0]}", *rows[1:]]) + "\n")
    assert lines(table)[1] == "left out: (unnamed) (numbers the rows), id (as told)"
    pictures = pa.array([{"bytes": picture(row), "path": None} for row in range(60)])
    pq.write_table(pa.table({"image": pictures, "label": [0, 1] * 30, "who": ["a"] * 60}), tmp_path / "i.parquet")
    data = load_dataset(DatasetSpec(str(tmp_path / "i.parquet")))
    assert features_in(data.transform, {}, embedded=False).left_out == (("who", "beside the images"),)


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (2, 2), shade).save(file, "PNG")
    return file.getvalue()


def test_other_inputs(table: Path) -> None:
    (line,) = feature_lines(features_in(digits().transform, {}, embedded=True))
    assert line.endswith("numbers embedded by learned frequencies: 64 features")
    spec = DatasetSpec(str(table), label="kind", drop=("id", "age", "noise"))
    assert lines(table)[0].startswith("features: 2 numbers and 1 category")
    assert next(feature_lines(features_in(load_dataset(spec).transform, {}, embedded=False))) == (
        "features: 1 category: 2 features"
    )
    assert list(feature_lines(None)) == []


def test_an_ensemble_of_two_forms_names_both(table: Path) -> None:
    parts = [
        load_dataset(DatasetSpec(str(table), label="kind", drop=("id",), preprocessing=way)).transform
        for way in ("standardize", "quantile")
    ]
    (first, _) = feature_lines(features_in(join_transforms(parts), {}, embedded=False))
    assert "numbers shifted and scaled and mapped by their quantiles: 8 features" in first


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose trials learned the rows in four forms."""
    return search(tmp_path_factory.mktemp("forms"))


def test_the_report_names_the_form_that_a_network_learned_and_none_before_there_is_one(
    forms: RunDirectory, tmp_path: Path
) -> None:
    copy = RunDirectory.open(shutil.copytree(forms.path, tmp_path / "copy"))
    described, rows = copy.manifest().dataset, load_run_dataset(copy)
    widths = {form: rows.in_form(form).input_dim for form in (OWN_FORM, *FORMS)}
    # Also where its model was not kept.
    shutil.rmtree(copy.models.folder)
    for form in (OWN_FORM, *FORMS):
        assert features_of(copy, described, of_form(copy, form)).width == widths[form]
    for table in ("trials", "epochs"):
        for part in (copy.path / table).iterdir():
            part.unlink()
    found = build_report(RunDirectory.open(copy.path), test=FinalTest()).features
    assert (found.least, found.width) == (min(widths.values()), max(widths.values()))
    assert list(feature_lines(found)) == [
        "features: 2 numbers and 1 category; numbers as each trial's preprocessing makes them: 5 to 21 features"
    ]


def test_a_run_of_one_form_names_it_before_there_is_a_network(forms: RunDirectory, tmp_path: Path) -> None:
    copy = RunDirectory.open(shutil.copytree(forms.path, tmp_path / "copy"))
    space = copy.manifest().space
    parameters = {name: value for name, value in space["parameters"].items() if name != "bins"}
    parameters["preprocessing"] = "quantile"
    copy.update_manifest({"space": {**space, "parameters": parameters}})
    found = features_of(copy, copy.manifest().dataset, None)
    width = load_run_dataset(copy).in_form(InputForm("quantile")).input_dim
    assert (found.form, found.width) == ("mapped by their quantiles", width)
