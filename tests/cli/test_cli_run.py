import importlib
import os
import pty
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small_space import SPACE, invoke
from synthetic_run import make_run

from fcsearch.cli.run import run
from fcsearch.cli.searching import conclude
from fcsearch.results import Labels, RunDirectory, open_run
from fcsearch.search import api
from fcsearch.search.api import SearchResult
from fcsearch.search.options import SearchOptions


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the search would have been started with."""
    calls: list[dict[str, Any]] = []

    def start(space: Any, options: SearchOptions, *, path: Path, pools: Any, **more: Any) -> SearchResult:
        assert pools._driver is not None or options.pool != "ray"
        calls.append({"space": space, "options": options, "path": path, **more})
        return SearchResult(RunDirectory(path), "trials", None)

    monkeypatch.setattr(api, "start_search", start)
    return calls


def test_options_reach_the_search(here: Path, started: list[dict[str, Any]]) -> None:
    (here / "other.csv").write_text("a,label\n1,yes\n")
    arguments = (
        "--trials 7 --seed 5 --time-budget 1h30m --workers 2 --gpus-per-worker 0.5 --cpus-per-worker 2 --pack-size 4"
    )
    more = "--keep-models 2 --address host:6379 --out folder --name mine --set parameters.epochs=9 --dataset other.csv"
    assert invoke(*arguments.split(), *more.split()).exit_code == 0
    [call] = started
    assert call["options"] == SearchOptions(
        trials=7,
        seed=5,
        time_budget=5400.0,
        workers=2,
        gpus_per_worker=0.5,
        cpus_per_worker=2,
        pack_size=4,
        keep_models=2,
        address="host:6379",
    )
    assert call["path"] == Path("folder/mine")
    assert call["space"].parameters["epochs"].value == 9
    assert call["space"].dataset.source == "other.csv"


@pytest.mark.usefixtures("here")
def test_without_options_the_defaults_hold(started: list[dict[str, Any]]) -> None:
    assert invoke().exit_code == 0
    assert started[0]["options"] == SearchOptions()
    assert started[0]["path"] == Path("runs/small")


@pytest.mark.usefixtures("here")
def test_the_time_budget_begins_with_the_command(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, chosen = importlib.import_module("fcsearch.cli.run"), []
    choose = module.choose
    monkeypatch.setattr(module, "choose", lambda *a, **k: (chosen.append(time.monotonic()), choose(*a, **k))[1])
    before = time.monotonic()
    assert invoke("--time-budget", "1m").exit_code == 0
    assert before <= started[0]["began"] <= chosen[0]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("1h30m", 5400), ("1d", 86400)]
)
@pytest.mark.usefixtures("here")
def test_a_time_budget_is_written_in_words(
    started: list[dict[str, Any]],
    text: str,
    seconds: float,
) -> None:
    assert invoke("--time-budget", text).exit_code == 0
    assert started[0]["options"].time_budget == seconds


@pytest.mark.usefixtures("here")
def test_a_note_and_tags_reach_the_search(started: list[dict[str, Any]]) -> None:
    assert invoke("--note", "of May", "--tag", "baseline", "--tag", "may").exit_code == 0
    assert started[0]["labels"] == Labels(note="of May", tags=("baseline", "may"))


def test_a_name_that_is_taken_gets_a_number(here: Path, started: list[dict[str, Any]]) -> None:
    (here / "runs" / "small").mkdir(parents=True)
    (here / "runs" / "small-2").mkdir()
    assert invoke().exit_code == 0
    assert started[0]["path"] == Path("runs/small-3")


@pytest.mark.usefixtures("here", "started")
def test_quiet_prints_the_run_directory_alone() -> None:
    result = invoke("--quiet")
    assert (result.stdout, result.stderr) == ("runs/small\n", "")


def test_after_ctrl_c_the_exit_code_is_130_and_the_way_on_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, path: Path, **__: Any) -> SearchResult:
        return SearchResult(RunDirectory(path), "interrupt", None)

    monkeypatch.setattr(api, "start_search", interrupted)
    result = invoke()
    assert result.exit_code == 130
    assert "interrupted: continue with `fcsearch resume runs/small`" in result.stderr
    assert here.exists()


@pytest.mark.parametrize(
    ("text", "label", "says"),
    [
        ("a,b,target\n1,2,x\n", "targt", "must have the label column 'targt'; found the columns a, b, target. Did you"),
        (",b,target\n1,2,x\n", "c", "found the columns (unnamed), b, target."),
        (" x ,b,target \n1,2,x\n", "c", "found the columns ' x ', b, 'target '."),
        ("", "target", "must hold a table; found an empty file"),
    ],
)
@pytest.mark.parametrize("pool", ["ray", "local"])
def test_a_wrong_header_is_named_before_anything_starts(
    here: Path, monkeypatch: pytest.MonkeyPatch, pool: str, text: str, label: str, says: str
) -> None:
    (here / "rows.csv").write_text(text)
    begun: list[str] = []
    monkeypatch.setattr("fcsearch.search.pools.Pools.start", lambda *_: begun.append("a pool"))
    result = CliRunner().invoke(run, ["rows.csv", "--label", label, "--pool", pool])
    assert says in str(result.exception)
    assert not begun
    assert "starting" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trials", "0"], "--trials"),
        (["--time-budget", "soon"], "a time must be above 0 and written like 90s, 10m or 1h30m"),
        (["--time-budget", "1h30"], "a time must be above 0 and written like 90s, 10m or 1h30m; found '1h30'"),
        (["--trials", "1,000"], "must be an integer of at least 1; found '1,000'; write it without commas: 1000"),
        (["--pack-size", "1,024"], "or auto; found '1,024'; write it without commas: 1024"),
        (["--cpus-per-worker", "inf"], "must be a number above 0; found 'inf'"),
        (["--time-budget", "0"], "above 0"),
        (["--pack-size", "0"], "must be an integer of at least 1, or auto"),
        (["--workers", "0"], "--workers"),
        (["--seed", "-1"], "--seed"),
        (["--gpus-per-worker", "1.5"], "--gpus-per-worker must be 0, a fraction"),
        (["--gpus-per-worker", "1"], "needs a GPU"),
        (["--workers", "4096"], "room for"),
        (["--address", "nowhere"], "found 'nowhere': no port"),
        (["--address", "127.0.0.1:1"], "Connection refused"),
        (["--address", "ray://h:10001"], "a Ray Client address"),
        (["--name", "../up"], "--name must be letters"),
        (["--name", "taken"], "choose another with --name, or continue that run"),
        (["--out", "file"], "file"),
        (["--dataset", "missing.csv"], "missing.csv"),
        (["--dataset", "cifra10"], "cifar10"),
        (["--set", "parameters.learning_rat=1"], "learning_rate"),
        (["--set", "parameters.dropout=1.5"], "dropout"),
    ],
)
def test_bad_input_is_named_exits_2_and_leaves_nothing(
    here: Path, refused: Callable[..., str], arguments: list[str], message: str
) -> None:
    (here / "runs" / "taken").mkdir(parents=True)
    (here / "file").write_text("")
    before = sorted(here.rglob("*"))
    if "needs a GPU" in message and __import__("torch").cuda.is_available():
        pytest.skip("this machine has a GPU")
    error = refused("run", "--space", "space.yaml", *arguments)
    assert message in error, error
    # What takes long to check is checked after that line.
    assert "starting" not in error or arguments[0] in ("--address", "--out")
    assert sorted(here.rglob("*")) == before


@pytest.mark.usefixtures("here")
def test_a_space_that_is_missing_is_named(refused: Callable[..., str]) -> None:
    refused("run")
    error = refused("run", "--space", "none.yaml")
    assert "none.yaml" in error


@pytest.mark.ray
@pytest.mark.usefixtures("here")
def test_an_out_that_cannot_be_written_leaves_nothing(refused: Callable[..., str]) -> None:
    error = refused("run", "--space", "space.yaml", "--out", "/proc/nowhere")
    assert "must be a place to write" in error


class Terminal:
    """A run of the real command in a terminal: what it showed, and what it left."""

    def __init__(self, folder: Path) -> None:
        folder.joinpath("space.yaml").write_text(SPACE)
        primary, secondary = pty.openpty()
        command = [sys.executable, "-m", "fcsearch", "run", "--space", "space.yaml", "--verbose", "--workers", "1"]
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
        env.pop("RAY_AUTH_MODE", None)
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=secondary, stdin=secondary
        )
        os.close(secondary)
        shown = b""
        while True:
            try:
                found = os.read(primary, 4096)
            except OSError:
                # The other side is closed: the command has ended.
                break
            if not found:
                break
            shown += found
        os.close(primary)
        self.out = process.stdout.read().decode()
        process.stdout.close()
        self.code = process.wait(30)
        self.shown = shown.decode()
        self.run = folder / "runs" / "small"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(tmp_path_factory.mktemp("terminal"))


@pytest.mark.ray
def test_a_run_in_a_terminal_shows_how_it_goes_and_ends_with_the_report(terminal: Terminal) -> None:
    assert terminal.code == 0, terminal.shown
    assert "4/4 trials" in terminal.shown
    assert len(re.findall(r"trial +\d  complete", terminal.shown)) == 4
    # Drawn anew: the cursor went up over what was drawn before.
    assert "\x1b[" in terminal.shown
    assert "Best network" in terminal.out
    assert "fcsearch export runs/small --out model.onnx" in terminal.out


@pytest.mark.ray
def test_nothing_of_ray_or_optuna_reaches_the_terminal(terminal: Terminal) -> None:
    for word in ("raylet", "Ray ", "INFO", "WARNING", "Token", "optuna", "Traceback"):
        assert word not in terminal.shown, terminal.shown
    assert "optuna" in (terminal.run / "log.txt").read_text()


@pytest.mark.ray
def test_the_manifest_says_what_was_run(terminal: Terminal) -> None:
    manifest = open_run(terminal.run).manifest
    assert manifest.name == "small"
    assert manifest.command[1:] == ("run", "--space", "space.yaml", "--verbose", "--workers", "1")
    assert manifest.state == "complete"
    assert manifest.seed == 0
    assert manifest.options["trials"] == 4
    assert manifest.space["dataset"]["num_train"] == 400
    assert set(manifest.versions) >= {"fcsearch", "python", "torch", "ray", "optuna"}
    assert manifest.machine["cpus"] >= 1
    assert manifest.created_at <= manifest.finished_at


def test_a_time_budget_that_is_used_up_is_told_with_what_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_run(tmp_path / "run", trials=8, models=0)
    conclude(SearchResult(made, "time_budget", None), quiet=False)
    again = f"fcsearch resume {shlex.quote(str(made.path))}"
    assert capsys.readouterr().err == f"the time budget is used up: continue with `{again}`\n"
