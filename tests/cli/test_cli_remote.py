"""Runs at a URL from the command line: an S3 server of this machine, and drivers that are killed."""

import json
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_pool import tables
from search_helpers import make_space
from search_processes import Processes, processes, wait_for

import fcsearch.cli
from fcsearch.results import RunDirectory, open_run
from fcsearch.results.remote import lease

SEARCH = ("--space", "space.yaml", "--pool", "local", "--workers", "1", "--pack-size", "2", "--confirm", "0", "--quiet")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    pytest.importorskip("s3fs", reason="needs the extra s3", exc_type=ImportError)
    moto = pytest.importorskip("moto.server", reason="needs moto", exc_type=ImportError)
    found = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    host, port = found.get_host_and_port()
    yield f"http://{host}:{port}"
    found.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket, and credentials that the server takes."""
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    s3fs.S3FileSystem(skip_instance_cache=True).makedirs("runs", exist_ok=True)
    return "s3://runs"


@pytest.fixture
def machines(tmp_path: Path, bucket: str) -> Iterator[list[Processes]]:  # noqa: ARG001
    """Three machines: each with a home and a folder of its own."""
    parameters: dict[str, Any] = {"learning_rate": {"low": 1e-3, "high": 1.0, "log": True}, "epochs": 40}
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder in folders:
        folder.mkdir()
        make_space(folder, trials=12, parameters=parameters, dataset={"source": "digits", "num_train": 200})
    with processes(folders[0]) as first, processes(folders[1]) as second, processes(folders[2]) as third:
        for machine in (first, second, third):
            machine.env["XDG_CACHE_HOME"] = str(machine.folder / "cache")
        yield [first, second, third]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        fcsearch.cli.main([*arguments])
    return int(str(ended.value.code)), capsys.readouterr().err


@pytest.mark.slow
def test_a_driver_is_killed_and_another_machine_goes_on_from_s3_to_the_same_tables(
    machines: list[Processes], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fcsearch.results.remote.folder import RemoteFolder

    first, second, third = machines
    assert third.run("run", *SEARCH, "--name", "small", timeout=170) == 0
    whole = tables(RunDirectory.open(third.folder / "runs" / "small"))
    # Sent as often as it can be, and killed when some trials are there and some are not.
    driver = first.start("run", *SEARCH, "--out", bucket, "--name", "small")
    there = RemoteFolder(f"{bucket}/small")
    wait_for(lambda: sum(name.startswith("trials/pack") for name in there.files()) >= 1, seconds=120)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    # As if it had been long ago: nobody need be watched.
    content = there.read(lease.FILE)
    assert content is not None
    there.write(lease.FILE, json.dumps({**json.loads(content), "at": "2020-01-01T00:00:00+00:00"}).encode())
    assert second.run("resume", f"{bucket}/small", "--quiet", timeout=170) == 0, second.err
    assert second.out.strip() == f"{bucket}/small"
    monkeypatch.setenv("XDG_CACHE_HOME", str(third.folder / "cache"))
    assert tables(open_run(f"{bucket}/small").directory) == whole
    listed = third.run("runs", "--dir", bucket)
    assert listed == 0
    assert "complete" in third.out


def test_what_is_missing_is_said_before_anything_is_trained(
    tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_space(tmp_path, dataset={"source": "digits", "num_train": 200})
    start = ("run", *SEARCH, "--name", "small", "--out")
    code, said = fails(capsys, *start, "s3://no-such-bucket")
    assert (code, said.count("\n")) == (2, 1)
    assert "s3://no-such-bucket/small must be a place that can be reached" in said
    code, said = fails(capsys, *start, "nosuch://bucket")
    assert (code, said.count("\n")) == (2, 1)
    assert "a URL must be one that fsspec knows" in said
    code, said = fails(capsys, "report", f"{bucket}/nothing")
    assert (code, said.count("\n")) == (2, 1)
    assert "s3://runs/nothing must be a run; found no run.json there" in said
    code, said = fails(capsys, "rm", f"{bucket}/nothing")
    assert code == 2
    assert "fcsearch rm removes runs of this machine" in said


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    monkeypatch.chdir(tmp_path)
    make_space(tmp_path, dataset={"source": "digits", "num_train": 200})
    code, said = fails(capsys, "run", *SEARCH, "--out", "s3a://bucket")
    assert (code, said.count("\n")) == (2, 1)
    assert 'pip install "fcsearch[s3]"' in said


def test_notes_reports_and_predictions_work_at_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from inline_pool import start

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = start(tmp_path, trials=3).run
    # As a copy that somebody made by hand.
    shutil.copytree(run.path, tmp_path / "bucket" / "small", ignore=shutil.ignore_patterns(".*"))
    url = f"file://{tmp_path}/bucket/small"
    monkeypatch.setenv("COLUMNS", "200")
    fcsearch_main("note", url, "by hand")
    assert json.loads((tmp_path / "bucket/small/labels.json").read_text())["note"] == "by hand"
    (tmp_path / "bucket/small/report.html").unlink()
    fcsearch_main("report", url)
    assert (tmp_path / "bucket/small/report.html").exists()
    fcsearch_main("runs", "--dir", f"file://{tmp_path}/bucket")
    fcsearch_main("evaluate", url)
    page = json.loads((tmp_path / "bucket/small/report.json").read_text())
    assert shlex.split(page["best"]["train_command"])[:4] == ["fcsearch", "train", "--run", "small"]
    said = capsys.readouterr().out
    fcsearch_main("report", url, "--format", "json")
    command = json.loads(capsys.readouterr().out)["best"]["train_command"]
    assert url in shlex.split(command)
    fcsearch_main(*shlex.split(command)[1:], "--epochs", "1")
    assert "by hand" in said
    assert "small" in said


def fcsearch_main(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        fcsearch.cli.main([*arguments])
    assert ended.value.code == 0
