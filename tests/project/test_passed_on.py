"""What people pass on of a run tells nobody where it was searched, and by whom: all of it is looked through."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import in_process_pool
import inline_pool
import pyarrow.parquet as pq
import pytest
from commands import exported, ran
from search_helpers import write_table

from fcsearch.comparison import compare_runs, comparison_page
from fcsearch.results import RunDirectory
from fcsearch.search.pool.interface import PackFailed, Raised
from fcsearch.search.pool.messages import PackTask, Place

HOST, NODE, USER = "annas-mac.lab", "gpu-07.lab", "anna-smith"
ADDRESSES = ("10.1.2.3", "2001:db8::7", "fe80::1c2:3")
# What the user needs to go on with the run, or to see what happened: docs/security.md.
NOT_PASSED_ON = {"run.json", "log.txt", "next_space.yaml", "run.lock"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user, on a machine with names and addresses of its own."""
    found = tmp_path / "home" / USER
    (found / "my data").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(found))
    monkeypatch.setenv("LOGNAME", USER)
    monkeypatch.setattr("socket.gethostname", lambda: HOST)
    monkeypatch.setattr(in_process_pool, "PLACE", Place(f"{NODE} (10.1.2.3)", "cpu"))
    return found


def searched(home: Path, name: str) -> RunDirectory:
    """A finished run on a table of the user's, in which a trial failed and said much."""
    table = write_table(home / "my data" / "rows.csv", lambda X: (X[:, 0] > 0).astype(int), "kind")
    told = (
        f"worker of {USER} on {NODE} lost: ssh {USER}@{HOST} -p 22, {HOST}:6379, peer [2001:db8::7]:10001, "
        f"fe80::1c2:3%eth0, ray://{NODE}:10001; cannot open {home}/my data/rows.csv, file://{home}/x, "
        f"/opt/{USER}/lib.so"
    )

    def before(task: PackTask) -> PackFailed | None:
        fails = any(trial.trial_id == 2 for trial in task.trials)
        return Raised(task.pack_id, told, f"Traceback of {told}") if fails else None

    space = {"dataset": {"source": str(table), "label": "kind"}, "trials": 6}
    return inline_pool.start(home, name=name, open_pool=in_process_pool.InProcess(before), **space).run


def texts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that stands in the files of a folder, with tables and archives as their readers see them, and their names."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in NOT_PASSED_ON:
            continue
        name = str(path.relative_to(folder))
        yield name, name.encode()
        yield name, path.read_bytes()
        if path.suffix == ".parquet":
            yield name, json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{name}: {member}", archive.read(member)) for member in archive.namelist())


def test_nothing_that_is_passed_on_names_machines_addresses_users_and_paths(home: Path, tmp_path: Path) -> None:
    run, other = searched(home, "run"), searched(home, "other")
    out = tmp_path / "out"
    out.mkdir()
    for form in ("onnx", "pt2", "safetensors"):
        exported(run.path, out / f"model.{form}")
    for form in ("csv", "optuna", "tensorboard"):
        ran("export", run.path, "--format", form, "--out", out / form)
    (out / "compare.html").write_text(comparison_page(compare_runs([run.path, other.path])))

    found = [*texts(run.path), *texts(out)]
    assert {"report.html", "report.json", "study.journal", "trials/pack-000000.parquet"} <= {name for name, _ in found}
    for secret in (HOST.split(".")[0], NODE.split(".")[0], USER, *ADDRESSES, str(tmp_path)):
        assert [name for name, text in found if secret.encode() in text] == [], secret
    # What happened is told all the same, and the run itself knows where.
    (error,) = [row["error"] for row in run.trials().to_pylist() if row["error"]]
    assert "worker of USER on machine 1 lost" in error
    assert "peer ADDRESS, ADDRESS, ray://ADDRESS cannot open ~/my data/rows.csv, ~/x, lib.so" in error
    assert set(run.trials()["node"].to_pylist()) == {"machine 1", None}
    assert run.manifest().machines == (f"{NODE} (10.1.2.3)",)
    assert HOST in (run.path / "log.txt").read_text()
