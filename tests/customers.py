"""A table of customers with numbers, gaps and categories, and a run on it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from synthetic_run import make_table_run

from fcsearch.results import RunDirectory

ROWS = 300
COLUMNS = ["age", "job", "code", "height", "churn"]


def table(seed: int = 0, rows: int = ROWS) -> pa.Table:
    """Customers whose class depends on a number, a category and a numbered category."""
    random = np.random.RandomState(seed)
    age, height = random.randint(18, 90, rows), random.randn(rows) * 9 + 170
    job, code = random.choice(["cook", "smith", "nurse"], rows), random.choice(["01", "1", "x"], rows)
    score = (age - 50) / 20 + (job == "nurse") * 2 - (code == "01") * 2
    churn = np.where(score > 0.5, "yes", "no")
    gaps = random.rand(rows) < 0.1
    columns = [pa.array(age, mask=gaps), job, code, height, churn]
    return pa.table(dict(zip(COLUMNS, columns, strict=True)))


def write(folder: Path, rows: pa.Table, name: str = "other.csv") -> Path:
    """Write a table by the ending of its name."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".csv":
        pa.csv.write_csv(rows, path)
    else:
        pq.write_table(rows, path)
    return path


@pytest.fixture(scope="session")
def customers(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run on a CSV file; not to be changed."""
    folder = tmp_path_factory.mktemp("customers")
    return make_table_run(folder / "run", write(folder, table(), "customers.csv"), label="churn")
