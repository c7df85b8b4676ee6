"""Whatever is in a file, reading it runs nothing. (The state of CMA-ES in a journal: test_search_cmaes.py.)"""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from search_helpers import make_run, make_space

from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.errors import FcsearchError, RunError
from fcsearch.nn import FullyConnectedNet
from fcsearch.results import RunDirectory
from fcsearch.search.record.journal import JournalFile, open_storage
from fcsearch.space import load_space


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The file that hostile content would make."""
    return tmp_path / "made"


def test_the_content_would_make_the_file(made: Path) -> None:
    pickle.loads(pickle.dumps(Touch(made)))  # noqa: S301
    assert made.exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir"])
def test_yaml(tag: str, tmp_path: Path, made: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(f"name: {tag} ['{made}']\nparameters: {{learning_rate: 0.1}}\n")
    with pytest.raises(FcsearchError):
        load_space(space)
    assert not made.exists()


def test_npz(tmp_path: Path, made: Path) -> None:
    np.savez(tmp_path / "data.npz", X=np.array([Touch(made)] * 9, dtype=object), y=np.arange(9) % 2)
    with pytest.raises(FcsearchError, match="Python objects"):
        load_dataset(DatasetSpec(str(tmp_path / "data.npz")))
    assert not made.exists()


@pytest.mark.parametrize("name", [b"arrow.py_extension_type", b"fcsearch.unknown"])
def test_parquet(name: bytes, tmp_path: Path, made: Path) -> None:
    """Earlier versions of Arrow unpickled a column's type."""
    metadata = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": pickle.dumps(Touch(made))}
    fields = [pa.field("a", pa.float64(), metadata=metadata), pa.field("label", pa.int64())]
    table = pa.table([np.random.default_rng(0).normal(size=99), np.arange(99) % 3], schema=pa.schema(fields))
    pq.write_table(table, tmp_path / "data.parquet")
    assert load_dataset(DatasetSpec(str(tmp_path / "data.parquet"), label="label")).num_classes == 3
    assert not made.exists()


def test_safetensors(tmp_path: Path, made: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps(Touch(made)))
    with pytest.raises(FcsearchError, match="safetensors"):
        FullyConnectedNet.load(tmp_path / "model.safetensors")
    assert not made.exists()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"state": {"__reduce__": 1}}', "!!python/none", "null"])
def test_run_json(text: str, tmp_path: Path) -> None:
    run = make_run(tmp_path, make_space(tmp_path))
    (run.path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json"):
        RunDirectory.open(run.path)


def test_journal(tmp_path: Path, made: Path) -> None:
    text = pickle.dumps(Touch(made)).hex()
    lines = [{"op_code": code, "worker_id": "w", "study_name": text, "system_attr": {"x": text}} for code in range(12)]
    (tmp_path / "study.journal").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RunError, match=r"study\.journal"):
        open_storage(JournalFile(tmp_path / "study.journal"))
    assert not made.exists()
