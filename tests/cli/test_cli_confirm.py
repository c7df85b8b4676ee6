"""`fcsearch confirm`, and what other commands say of confirmed winners and ensembles."""

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from in_process_pool import InProcess
from search_helpers import make_space

from fcsearch.cli import cli
from fcsearch.errors import FcsearchError, SearchError
from fcsearch.results import RunDirectory
from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions

PARAMETERS = {
    "learning_rate": {"low": 1e-3, "high": 3e-1, "log": True},
    "epochs": 3,
    "hidden_dim": {"choices": [8, 16]},
}


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run that nothing was confirmed of; what is trained from now on is trained in this process."""
    space = make_space(tmp_path, dataset={"source": "digits", "num_train": 200}, parameters=PARAMETERS, trials=4)
    options = SearchOptions(confirm=0, ensemble=0, workers=1, pack_size=4)
    pool = InProcess()
    run = start_search(space, options, path=tmp_path / "run", command=[], open_pool=pool).run
    monkeypatch.setattr("fcsearch.search.pools.Pools.open", staticmethod(pool))
    return run


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


def test_the_help_says_which_of_the_best_are_passed_over() -> None:
    said = " ".join(call("confirm", "--help").output.split())
    assert "trials that early stopping ended are passed over, if there are others" in said


def test_the_winner_is_confirmed_reported_and_measured(searched: RunDirectory) -> None:
    done = call("confirm", searched.path, "--top", 2, "--seeds", 2, "--ensemble", 4, "--refit")
    assert done.exit_code == 2  # what belongs to a search alone is refused
    done = call("confirm", searched.path, "--top", 2, "--seeds", 2, "--refit")
    assert done.exit_code == 0, done.output
    assert "mean of 2 seeds" in done.output
    assert "Trained again with 2 other seeds" in " ".join(done.output.split())
    assert "4/4 confirmations" in done.output
    stored = json.loads((searched.path / "report.json").read_text())
    assert stored["confirmation"]["seeds"] == [1, 2]
    assert "Confirmed with other seeds" in (searched.path / "report.html").read_text()
    winner = stored["confirmation"]["configurations"][0]["trial_id"]
    assert stored["best"]["row"]["trial_id"] == winner
    for choice in ((), ("--model", "confirmed"), ("--trial", winner)):
        assert (
            f"trial {winner} of {searched.path.name} on 270 test rows"
            in call("evaluate", searched.path, *choice).output
        )
    assert "the refit of run on 270 test rows" in call("evaluate", searched.path, "--model", "refit").output


@pytest.mark.parametrize("stopped", [False, True])
def test_a_disk_that_is_full_at_its_end_is_told_with_the_command_to_repeat(
    searched: RunDirectory, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """As with `run`: an error, or where it was asked to end, a notice."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "report.json")

    monkeypatch.setattr("fcsearch.report.write_report", refuse)
    monkeypatch.setattr("fcsearch.search.loop.session.confirm_best", lambda *_, **__: "terminate" if stopped else None)
    done = call("confirm", searched.path, "--top", 1, "--seeds", 1)
    if stopped:
        assert done.exit_code == 143
    else:
        assert isinstance(done.exception, SearchError)
    told = " ".join(done.output.split()) if stopped else str(done.exception)
    assert "No space left on device" in told
    assert f"then continue with `fcsearch confirm {searched.path}`" in told


def test_the_ensemble_is_measured_on_any_rows(searched: RunDirectory) -> None:
    first, second = searched.models.saved()[:2]
    searched.models.save_ensemble({first: 0.5, second: 0.5}, {})
    name = searched.path.name
    for options, rows in ((("--split", "val"), "270 validation rows"), (("--dataset", "digits"), "all 1,797 rows")):
        done = call("evaluate", searched.path, "--model", "ensemble", *options)
        assert f"the ensemble of 2 networks of {name} on {rows} of digits" in done.output, done.output
    found = json.loads(call("evaluate", searched.path, "--model", "ensemble", "--format", "json").output)
    assert (found["trial_id"], found["networks"]) == (None, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("confirm", "{run}", "--top", "0"), "must be an integer of at least 1; found '0'"),
        (("confirm", "{run}", "--seeds", "-1"), "must be an integer of at least 1; found '-1'"),
        (("confirm", "{run}", "--top", "many"), "must be an integer of at least 1; found 'many'"),
        (("confirm", "{run}", "--time-budget", "soon"), "a time must be above 0 and written like 90s"),
        (("run", "full", "--confirm", "-1"), "a number of configurations must be an integer of at least 0, or auto"),
        (("run", "full", "--confirm", "1.5"), "found '1.5'"),
        (("run", "full", "--confirm-seeds", "0"), "must be an integer of at least 1; found '0'"),
        (("run", "full", "--ensemble", "-1"), "must be an integer of at least 0; found '-1'"),
        (("run", "full", "--trials", "x"), "must be an integer of at least 1; found 'x'"),
        (("run", "full", "--seed", "-1"), "must be an integer from 0 to 4294967295; found '-1'"),
        (("run", "full", "--cpus-per-worker", "0"), "must be a number above 0; found '0'"),
        (("run", "full", "--cpus-per-worker", "0,5"), "found '0,5'; a number has a decimal point: 0.5"),
        (("run", "full", "--cpus-per-worker", "1,000"), "found '1,000'; write it without commas: 1000"),
        (
            ("train", "--update-rule", "adma"),
            "sgd, sgd_momentum, rmsprop, adam, nadam, lion; found 'adma'; did you mean",
        ),
        (("train", "--update-rule", "AdamW"), "is adam with weight decay, such as --update-rule adam --weight-decay 0"),
        (("run", "full", "--pack-size", "0"), "a pack size must be an integer of at least 1, or auto; found '0'"),
    ],
)
def test_options_that_cannot_be_used(searched: RunDirectory, arguments: tuple[str, ...], message: str) -> None:
    done = call(*(argument.format(run=searched.path) for argument in arguments))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("confirm", "nowhere"), "must be a run directory; found nothing there"),
        (("evaluate", "{run}", "--model", "bset"), "--model must be best, confirmed, ensemble, refit or the number"),
        (("evaluate", "{run}", "--model", "ensemble"), "must have an ensemble; found none"),
        (("evaluate", "{run}", "--model", "confirmed"), "must have a confirmed winner; found none"),
        (("evaluate", "{run}", "--model", "1", "--trial", "1"), "one model is measured; found --model 1 and --trial 1"),
        (("confirm", "{run}", "--dataset", "iris.csv"), "iris.csv"),
    ],
)
def test_what_is_not_there_is_refused(searched: RunDirectory, arguments: tuple[str, ...], message: str) -> None:
    before = searched.manifest()
    done = call(*(argument.format(run=searched.path) for argument in arguments))
    assert isinstance(done.exception, FcsearchError)
    assert done.exception.exit_code == 2
    assert message in str(done.exception)
    assert searched.manifest() == before
