"""The benchmarks still run: all are imported, and those that need nothing but fcsearch do a little of their work."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from fcsearch.space import load_space

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path[:0] = [str(FOLDER)]
SCRIPTS = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for path in FOLDER.rglob("*.py")
    if "@click.command()" in path.read_text("utf-8")
)
OTHERS = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for path in FOLDER.rglob("*.py")
    if path.stem not in {name.rpartition(".")[2] for name in SCRIPTS}
)
DOCS = FOLDER.parent / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if "$ python benchmarks/" in page.read_text("utf-8"))
# Each in seconds; none writes into benchmarks/results.
SMALL = {
    "step": "--nets digits --rules adam,rmsprop --dropout 0.5 --sizes 1,2 --rounds 1 --seconds 0.001 --no-save",
    "mixed": "--cases full,depths --sizes 1,4 --rounds 1 --no-save",
    "sampler": "--counts 20 --asks 1 --rounds 1 --search 20 --no-save",
}


def run(name: str, *options: str) -> str:
    result = CliRunner().invoke(importlib.import_module(name).main, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_says_what_it_does(name: str) -> None:
    assert "Usage" in run(name, "--help")


@pytest.mark.parametrize("name", OTHERS)
def test_every_module_can_be_imported(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_a_page_shows_are_accepted(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = "".join(re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    variables = dict(re.findall(r'^\$ ([A-Z]+)="(.*)"$', shown, re.MULTILINE))
    # In a folder beside the one that they name.
    for folder in ("here", "earlier"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for command in re.findall(r"^\$ python benchmarks/(\w+\.py.*)", shown.replace("\\\n", ""), re.MULTILINE):
        words = shlex.split(re.sub(r"\$([A-Z]+)", lambda name: variables[name[1]], command), comments=True)
        name = words.pop(0).removesuffix(".py")
        try:
            importlib.import_module(name).main.make_context(name, words)
        except click.ClickException as error:
            pytest.fail(f"{command}: {error.format_message()}")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name: str) -> None:
    assert run(name, *SMALL[name].split())


def test_the_space_of_every_dataset_over_time_is_valid(tmp_path: Path) -> None:
    module = importlib.import_module("over_time_datasets")
    for name in module.SOURCES:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(module.space_of(name, {"source": "digits"})))
        assert load_space(path).tries


@pytest.mark.usefixtures("one_thread")
def test_curves_are_made(tmp_path: Path) -> None:
    run("curves", "--cases", "digits-default", "--count", "2", "--folder", str(tmp_path))
    assert pq.read_table(tmp_path / "digits-default.parquet").num_rows == 2


def test_a_search_without_training_is_measured() -> None:
    benchmark = importlib.import_module("untrained_search")
    reading = benchmark.search(benchmark.Settings("random", 20, 2, 5, 2, with_ray=False))
    assert (reading.trials, reading.seconds > 0) == (20, True)


@pytest.mark.ray
@pytest.mark.slow
def test_a_search_without_training_is_measured_with_ray() -> None:
    options = "--runs random:20 --ray --workers 1 --pack-size 5 --epochs 2 --no-save"
    command = [sys.executable, str(FOLDER / "driver.py"), *options.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "random, Ray" in done.stdout


def test_a_simulated_fleet_is_measured() -> None:
    benchmark = importlib.import_module("simulated_fleet")
    reading = benchmark.search(benchmark.Fleet("random", 2, 1.0, 4, 16, 2, flush=0.0))
    assert 0 < reading.busy <= 1


def test_a_time_before_the_first_checkpoint_is_refused() -> None:
    result = CliRunner().invoke(importlib.import_module("checkpoints").main, ["--killed-at", "5"])
    assert result.exit_code == 2
    assert "the first checkpoint" in result.output


def test_an_earlier_commit_is_run_from_its_checkout_with_the_options_that_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch = importlib.import_module("peers.launch")
    commands: list[tuple[list[Any], str]] = []

    def run(command: list[Any], variables: dict[str, str], *, folder: Path) -> tuple[float, str]:
        assert str(folder) == variables["PYTHONPATH"]
        commands.append((command, variables["PYTHONPATH"]))
        return 7.0, "--ensemble N"

    now = datetime.now(UTC)
    rows = pa.table({"started_at": [now], "finished_at": [now], "val_accuracy": [0.5]})
    monkeypatch.setattr(launch, "run", run)
    monkeypatch.setattr(launch, "open_run", lambda _: SimpleNamespace(trials=rows))
    job = launch.Job(tmp_path / "space.yaml", 3, checkout=tmp_path)
    assert launch.run_searcher(launch.EARLIER, job).seconds == launch.run_searcher("fcsearch", job).seconds == 7.0
    [(_, first), (earlier, second), (today, third)] = commands
    assert (first, second, third) == (str(tmp_path), str(tmp_path), str(launch.ROOT))
    assert ("--ensemble" in earlier, "--confirm" in earlier) == (True, False)
    assert ("--ensemble" in today, "--confirm" in today) == (True, True)


@pytest.mark.ray
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["ray_tune.py", "--reuse-actors"], marks=pytest.mark.slow),
        ["optuna_alone.py"],
        ["sklearn_mlp.py"],
    ],
)
def test_a_peer_searches(options: list[str], tmp_path: Path) -> None:
    parameters: dict[str, Any] = {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "epochs": 1}
    space = tmp_path / "space.yaml"
    space.write_text(yaml.safe_dump({"name": "small", "dataset": "digits", "parameters": parameters}))
    script, *more = options
    command = [sys.executable, FOLDER / "peers" / script, "--space", space, "--trials", "1", "--slots", "1", *more]
    # Ray leaves its folder there, whose path has to be short for its sockets.
    with TemporaryDirectory(dir=os.environ["RAY_TMPDIR"]) as place:
        env = {**os.environ, "RAY_TMPDIR": place}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    [(began, ended, accuracy)] = json.loads(done.stdout.splitlines()[-1])["trials"]
    assert began < ended
    assert 0 < accuracy <= 1
