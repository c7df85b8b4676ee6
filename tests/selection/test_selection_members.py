"""The networks behind `best`, `confirmed`, `ensemble`, `refit` and the number of a trial."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from synthetic_run import trial_row

from fcsearch.errors import RunError, UsageError
from fcsearch.results import RunDirectory, TrialRecord, rank_trials
from fcsearch.results.records import row_config
from fcsearch.selection import chosen_trial, load_members


def best_of(run: RunDirectory) -> list[int]:
    return rank_trials(run.trials())["trial_id"].to_pylist()


def confirm(run: RunDirectory, values: dict[int, Sequence[float]]) -> None:
    """Write confirmations, as a search does."""
    seeds = range(1, 1 + max(map(len, values.values())))
    run.update_manifest({"confirmation": {"trials": list(values), "seeds": list(seeds)}})
    rows = [
        TrialRecord(
            trial_id=trial,
            state="complete",
            config=_config(trial, seed),
            val_accuracy=value,
            best_epoch=3,
            epochs_run=9,
        )
        for trial, found in values.items()
        for seed, value in zip(seeds, found, strict=True)
    ]
    run.write_confirmations(run.next_pack_id(), rows)


def _config(trial: int, seed: int) -> Any:
    return row_config({**trial_row(trial), "seed": seed})


def test_the_winner_is_the_best_of_the_search_until_another_is_confirmed(run: RunDirectory) -> None:
    first, second = best_of(run)[:2]
    assert chosen_trial(run) == first
    confirm(run, {first: [0.90, 0.91], second: [0.95, 0.96]})
    assert chosen_trial(run) == second
    assert [member.trial_id for member in load_members(run)] == [second]
    assert [member.trial_id for member in load_members(run, "confirmed")] == [second]
    assert [member.trial_id for member in load_members(run, "best")] == [first]
    assert [(member.weight, member.trial_id) for member in load_members(run, str(first))] == [(1.0, first)]


def test_confirmations_are_read_back_in_order_and_no_pack_number_is_given_twice(run: RunDirectory) -> None:
    first, second = best_of(run)[:2]
    confirm(run, {max(first, second): [0.9, 0.8], min(first, second): [0.7, 0.6]})
    rows = run.confirmations().select(["trial_id", "seed"]).to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["trial_id"], row["seed"]))
    used = {*run.trials()["pack_id"].to_pylist(), *run.confirmations()["pack_id"].to_pylist()}
    assert RunDirectory.open(run.path).next_pack_id() == max(used) + 1


def test_an_ensemble_is_its_networks_and_their_weights(run: RunDirectory) -> None:
    first, second = best_of(run)[:2]
    run.models.save_ensemble({first: 0.75, second: 0.25}, {"objective": "accuracy"})
    members = load_members(run, "ensemble")
    assert [(member.weight, member.trial_id) for member in members] == [(0.75, first), (0.25, second)]
    assert all(torch.equal(members[1].net.params[n], w) for n, w in run.models.load(second).params.items())


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ("confirmed", RunError, "must have a confirmed winner; found none; `fcsearch confirm"),
        ("ensemble", RunError, "must have an ensemble; found none; make one with `fcsearch confirm"),
        (
            "refit",
            RunError,
            r"must have a refit; found no refit.safetensors; make it with .*--refit",
        ),
        ("9999", RunError, r"a trial of .* must be from 0 to \d+, and trained; found 9999"),
        ("bset", UsageError, "--model must be best, confirmed, ensemble, refit or the number of a trial; found 'bset'"),
        ("-1", UsageError, "found '-1'"),
    ],
)
def test_what_a_run_has_not_is_refused(run: RunDirectory, choice: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_members(run, choice)


def test_a_damaged_ensemble_is_refused(run: RunDirectory) -> None:
    for text in ("{", '{"members": [{"trial_id": "x"}]}', "{}  x", '{"other": 1}'):
        run.models.ensemble_path.write_text(text)
        with pytest.raises(RunError, match="remove it, and `fcsearch confirm` makes it again"):
            load_members(run, "ensemble")


def test_a_run_without_results_has_no_winner(empty_run: RunDirectory) -> None:
    for choice in (None, "best"):
        with pytest.raises(RunError, match="a run must have a trial with a result"):
            load_members(empty_run, choice)
