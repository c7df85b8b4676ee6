import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from search_helpers import make_space, outcome, record, result
from synthetic_run import change_dataset

from fcsearch.cli import main
from fcsearch.cli.resume import resume
from fcsearch.data import load_dataset
from fcsearch.errors import UsageError
from fcsearch.results import RunDirectory
from fcsearch.search import api
from fcsearch.search.api import SearchResult, plan_search, resume_search
from fcsearch.search.options import SearchOptions
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.manifest import new_manifest

OPTIONS = SearchOptions(
    trials=4, seed=3, workers=1, pack_size=2, time_budget=60.0, keep_models=2, confirm=0, pool="inline"
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of four trials of which two are done: the process that searched was killed."""
    monkeypatch.chdir(tmp_path)
    space = make_space(tmp_path, dataset={"source": "digits", "num_train": 200})
    plan = plan_search(space, OPTIONS, path=Path("runs/small"))
    dataset = load_dataset(plan.space.dataset)
    directory = RunDirectory.create(plan.path, new_manifest(plan, dataset, ["fcsearch", "run"]))
    ledger = Ledger(directory, plan.space, seed=OPTIONS.seed)
    done = ledger.ask(3)[:2]
    record(ledger, outcome(0, {trial.trial_id: result(trial.config, [0.5, 0.75]) for trial in done}))
    return RunDirectory.open(plan.path)


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, SearchOptions]]:
    """What the search would have gone on with."""
    calls: list[tuple[Path, SearchOptions]] = []

    def go_on(found: RunDirectory, options: SearchOptions, **_: Any) -> SearchResult:
        calls.append((found.path, options))
        return SearchResult(found, "trials", None)

    monkeypatch.setattr(api, "resume_search", go_on)
    return calls


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(resume, arguments, catch_exceptions=False)


@pytest.mark.parametrize("name", [[], ["small"], ["runs/small"]])
@pytest.mark.usefixtures("run")
def test_a_run_goes_on_as_it_was_but_for_its_time_budget(
    name: list[str], resumed: list[tuple[Path, SearchOptions]]
) -> None:
    assert invoke(*name).exit_code == 0
    assert resumed == [(Path("runs/small"), dataclasses.replace(OPTIONS, time_budget=None))]


@pytest.mark.usefixtures("run")
def test_options_change_how_it_goes_on(resumed: list[tuple[Path, SearchOptions]]) -> None:
    workers = ("--pool", "local", "--workers", "2")
    assert invoke("--trials", "9", "--time-budget", "1m", "--pack-size", "auto", *workers).exit_code == 0
    assert resumed[0][1] == dataclasses.replace(OPTIONS, trials=9, pack_size="auto", pool="local", workers=2)


def test_tf32_stays_on_unless_it_is_given(run: RunDirectory, resumed: list[tuple[Path, SearchOptions]]) -> None:
    run.update_manifest({"options": {**run.manifest().options, "tf32": True}})
    invoke("small")
    assert resumed[0][1].tf32


def test_what_is_not_there_or_not_a_run_is_named(run: RunDirectory, refused: Callable[..., str]) -> None:
    error = refused("resume", "smal")
    assert "did you mean runs/small" in error
    run.path.joinpath("run.json").write_text("{")
    error = refused("resume", "small")
    assert "run.json" in error


@pytest.mark.usefixtures("run")
def test_a_total_below_what_is_done_is_refused(refused: Callable[..., str]) -> None:
    error = refused("resume", "--trials", "1")
    assert "must be at least 2, the trials done; found 1" in error


def test_a_run_whose_data_changed_is_refused(run: RunDirectory, refused: Callable[..., str]) -> None:
    change_dataset(run, fingerprint="0" * 16)
    error = refused("resume")
    assert "must be the rows that the run was made on" in error
    assert run.state() == "running" or run.state() == "interrupted"


def test_a_run_that_another_process_writes_is_refused(run: RunDirectory, refused: Callable[..., str]) -> None:
    with run.writing():
        error = refused("resume")
    assert "one writer" in error


def test_the_run_is_held_before_its_data_are_read(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    def read(run: RunDirectory, **_: Any) -> None:
        held.append(run.is_held())
        raise UsageError("no data")

    monkeypatch.setattr("fcsearch.evaluation.load_run_dataset", read)
    with pytest.raises(UsageError, match="no data"):
        invoke()
    with pytest.raises(UsageError, match="no data"):
        api.confirm_run(run, OPTIONS)
    assert held == [True, True]
    assert not run.is_held()


def test_a_cluster_that_is_not_there_leaves_the_run_as_it_was(run: RunDirectory, refused: Callable[..., str]) -> None:
    before = run.manifest()
    error = refused("resume", "--pool", "ray", "--address", "127.0.0.1:1")
    assert "Connection refused" in error
    assert run.manifest() == before
    assert run.trials().num_rows == 2


def test_when_all_is_done_the_report_is_given_again(run: RunDirectory) -> None:
    """Trials 0 and 1 have rows; nothing is trained, and no Ray is started."""
    outcome_of_all = invoke("--trials", "2")
    assert outcome_of_all.exit_code == 0
    assert "Best network" in outcome_of_all.output
    assert run.manifest().state == "complete"
    assert run.manifest().ended_by == "trials"


def test_a_finished_run_says_so_in_two_lines_and_has_no_new_session(
    run: RunDirectory, resumed: list[tuple[Path, SearchOptions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as real:
        real.setattr(api, "resume_search", resume_search)
        invoke("--trials", "2")
    before = run.manifest()
    for options in ([], ["--trials", "2"], ["--workers", "2", "--time-budget", "9s"]):
        assert invoke(*options).stdout == (
            "runs/small is finished, with 2 trials: `fcsearch report runs/small` shows what it found\n"
            "to search on, name a larger total: `fcsearch resume runs/small --trials 4`\n"
        )
    assert invoke("--quiet").stdout == "runs/small\n"
    assert (run.manifest(), resumed) == (before, [])


@pytest.mark.parametrize(
    "what",
    ["more trials", "fewer", "confirm", "refit", "a part", "a model", "models", "interrupted", "out of time", "page"],
)
def test_a_run_that_has_something_left_goes_on(
    run: RunDirectory, resumed: list[tuple[Path, SearchOptions]], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with monkeypatch.context() as real:
        real.setattr(api, "resume_search", resume_search)
        invoke("--trials", "2")
    given = {"more trials": ["--trials", "3"], "fewer": ["--trials", "1"], "confirm": ["--confirm", "1"]}
    if what == "a part":
        next(run.path.glob("epochs/pack-*.parquet")).unlink()
    elif what == "a model":
        (run.path / "models" / "trial-000000.safetensors").write_bytes(b"newer")
        written = (run.path / "report.html").stat().st_mtime
        os.utime(run.path / "models" / "trial-000000.safetensors", (written + 1, written + 1))
    elif what == "models":
        (run.path / "models").rename(run.path / "moved")
    elif what == "interrupted":
        run.update_manifest({"state": "interrupted"})
    elif what == "out of time":
        run.update_manifest({"confirmation": {"trials": [0], "seeds": [7], "out_of_time": True}})
    elif what == "page":
        (run.path / "report.html").unlink()
    invoke(*given.get(what, ["--refit"] if what == "refit" else []))
    assert len(resumed) == 1


def _forget(run: RunDirectory, key: str) -> None:
    manifest = json.loads((run.path / "run.json").read_text())
    del manifest[key]
    (run.path / "run.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("key", ["space", "dataset"])
def test_a_run_that_does_not_say_what_is_needed_is_refused(
    run: RunDirectory, refused: Callable[..., str], key: str
) -> None:
    _forget(run, key)
    error = refused("resume")
    assert f"run.json must hold the run's {key}; found none; restore a copy of it" in error


def test_options_that_are_not_recorded_are_the_usual_ones(run: RunDirectory) -> None:
    _forget(run, "options")
    assert invoke("--trials", "2", "--confirm", "0").exit_code == 0
    assert run.manifest().options["trials"] == 2


@pytest.fixture
def table_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of two trials on old/rows.csv, both done."""
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    Path("old/rows.csv").write_text("a,b,label\n" + "".join(f"{n % 7},{n * n % 11},{n % 2}\n" for n in range(80)))
    space = make_space(tmp_path, dataset={"source": "old/rows.csv", "val_fraction": 0.2})
    plan = plan_search(space, dataclasses.replace(OPTIONS, trials=2), path=Path("runs/table"))
    directory = RunDirectory.create(
        plan.path, new_manifest(plan, load_dataset(plan.space.dataset), ["fcsearch", "run"])
    )
    ledger = Ledger(directory, plan.space, seed=OPTIONS.seed)
    record(ledger, outcome(0, {trial.trial_id: result(trial.config, [0.5, 0.75]) for trial in ledger.ask(2)}))
    return RunDirectory.open(plan.path)


def test_data_that_moved_are_found_and_their_place_is_remembered(
    table_run: RunDirectory, refused: Callable[..., str]
) -> None:
    Path("old").rename("new")
    # Another table beside it is not the run's.
    Path("old").mkdir()
    Path("old/rows2.csv").write_text("a,b\n1,2\n")
    for command in ("resume", "confirm"):
        error = " ".join(refused(command, "table").split())
        assert (
            "rows.csv must exist; found nothing there; if they have moved, `fcsearch resume runs/table --dataset PATH`"
            in error
        )
        assert "did you mean" not in error.lower()
    assert invoke("table", "--dataset", "new/rows.csv").exit_code == 0
    place = str(Path("new/rows.csv").absolute())
    assert table_run.dataset_spec().source == table_run.space().dataset.source == place
    assert table_run.dataset_spec().val_fraction == 0.2
    assert table_run.transform() is not None
    # From now on without a word.
    assert invoke("table").exit_code == 0


def test_other_rows_are_refused_and_nothing_changes(table_run: RunDirectory, refused: Callable[..., str]) -> None:
    before = table_run.manifest()
    Path("other.csv").write_text(Path("old/rows.csv").read_text().replace("3,", "4,"))
    error = " ".join(refused("resume", "table", "--dataset", "other.csv").split())
    assert "the data other must be the rows that the run was made on" in error
    assert "found as many rows and columns, but other values" in error
    assert "restore the original data, or search these in a new run" in error
    assert table_run.manifest() == before
    assert table_run.transform() is None


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda text: "".join(text.splitlines(keepends=True)[:61]), "60 rows in place of 80"),
        (lambda text: text.replace("a,b,", "a,c,", 1), "no column 'b', and also the column 'c'"),
        (lambda text: text.replace(",1\n", ",2\n"), "the classes '0', '2' in place of '0', '1'"),
    ],
)
def test_what_other_rows_differ_in_is_said(
    table_run: RunDirectory, refused: Callable[..., str], change: Callable[[str], str], found: str
) -> None:
    table_run.keep_transform(load_dataset(table_run.dataset_spec()).transform)
    rows = Path("old/rows.csv")
    rows.write_text(change(rows.read_text()))
    assert found in " ".join(refused("resume", "table").split())


def test_a_folder_of_data_that_is_not_there_is_refused(run: RunDirectory, refused: Callable[..., str]) -> None:
    before = run.manifest()
    error = refused("resume", "small", "--dataset", "mnist", "--data-dir", "nowhere")
    assert "data_dir must name a folder; found 'nowhere'" in error
    assert run.manifest() == before


@pytest.mark.parametrize(("command", "stage"), [("resume", "resume_search"), ("confirm", "confirm_run")])
def test_a_second_ctrl_c_says_how_to_go_on_too(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, stage: str
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, stage, interrupt)
    with pytest.raises(SystemExit) as ended:
        main([command, str(run.path)])
    assert ended.value.code == 130
    assert capsys.readouterr().err == f"interrupted: continue with `fcsearch {command} runs/small`\n"
