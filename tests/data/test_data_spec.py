import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fcsearch.data import DATASET_NAMES, DatasetSpec
from fcsearch.errors import DataError


def test_a_name_or_path_is_the_source() -> None:
    assert DatasetSpec.from_value("cifar10") == DatasetSpec(source="cifar10")
    assert DatasetSpec().source == "digits"
    assert DATASET_NAMES == ("digits", "cifar10", "mnist", "fashion_mnist")


def test_a_mapping_holds_options_and_survives_json() -> None:
    spec = DatasetSpec.from_value(
        {"source": "a.csv", "label": "kind", "num_train": 500, "drop": ["id"], "val_fraction": 0.2}
    )
    assert spec == DatasetSpec("a.csv", label="kind", num_train=500, drop=("id",), val_fraction=0.2)
    assert DatasetSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("key", "near"), [("val_fracton", "val_fraction"), ("path", "source"), ("preprocesing", "preprocessing")]
)
def test_an_unknown_option_gets_the_nearest_name(key: str, near: str) -> None:
    with pytest.raises(DataError, match=f"unknown dataset option '{key}'.*Did you mean '{near}'"):
        DatasetSpec.from_value({key: "x"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": ""}, "source must be a name"),
        ({"source": 3}, "source must be a name"),
        ({"val_fraction": 0}, "val_fraction must be a number above 0 and below 1; found 0"),
        ({"val_fraction": True}, "val_fraction must be"),
        ({"val_fraction": float("nan")}, "val_fraction must be"),
        ({"test_fraction": -0.1}, "test_fraction must be"),
        ({"test_fraction": "0.2"}, "test_fraction must be"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "must stay below 1.*0.5 . 0.5"),
        ({"preprocessing": "standardise"}, "preprocessing must be one of.*Did you mean 'standardize'"),
        ({"preprocessing": "piecewise", "bins": 1}, "bins must be an integer from 2 to 256; found 1"),
        ({"bins": 8}, "bins belongs to preprocessing: piecewise; found preprocessing: auto"),
        ({"num_train": 0}, "num_train must be an integer of at least 1; found 0"),
        ({"num_val": 2.5}, "num_val must be"),
        ({"split_seed": 2**32}, "split_seed must be"),
        ({"split_seed": -1}, "split_seed must be"),
        ({"drop": 3, "source": "a.csv"}, "drop must be a column name or a list of them; found 3"),
        ({"data_dir": ""}, "data_dir must be"),
        ({"source": "cifar10", "label": "y"}, "label belongs to files and tables; cifar10 has"),
        ({"source": "digits", "test": "a.csv"}, "test belongs to files"),
    ],
)
def test_a_value_outside_its_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        DatasetSpec.from_value(options)


def test_a_program_gets_the_same_errors() -> None:
    with pytest.raises(DataError, match=r"unknown dataset option 'seed'.*Did you mean 'split_seed'"):
        DatasetSpec("digits", seed=3)  # type: ignore[call-arg]
    with pytest.raises(DataError, match="source must be a name, openml:<name or id>, or a path; found 3"):
        DatasetSpec(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="num_train must be an integer of at least 1; found 0"):
        dataclasses.replace(DatasetSpec("digits"), num_train=0)


@pytest.mark.parametrize("value", [["digits"], 3, None])
def test_what_is_neither_text_nor_mapping_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="must be a name, a path, or a mapping"):
        DatasetSpec.from_value(value)  # type: ignore[arg-type]


def test_resolve_makes_paths_absolute_and_leaves_names() -> None:
    base = Path("/somewhere")
    spec = DatasetSpec("data/a.csv", test="/x/b.csv").resolve(base)
    assert (spec.source, spec.test) == (str(base / "data" / "a.csv"), "/x/b.csv")
    assert DatasetSpec("openml:iris", data_dir="d").resolve(base) == DatasetSpec("openml:iris", data_dir="/somewhere/d")
    assert DatasetSpec("digits").resolve(base) == DatasetSpec("digits")


def test_importing_the_room_stays_light() -> None:
    code = (
        "import sys, fcsearch.data; sys.exit(bool({'sklearn', 'pyarrow', 'PIL', 'pandas', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_path_is_absolute_and_plain(tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    found = DatasetSpec("../moved/rows.csv").resolve(tmp_path / "elsewhere")
    assert found.source == str(tmp_path / "moved" / "rows.csv")
    (tmp_path / "linked").symlink_to(tmp_path / "moved")
    (tmp_path / "moved" / "rows.csv").write_text("a")
    assert Path(DatasetSpec("linked/../moved/rows.csv").resolve(tmp_path).source).exists()
