"""The refits of an ensemble's members: when they are its networks, and when they go."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from fold_searches import search

from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.search.api import confirm_run, resume_search, saved_options
from fcsearch.selection import ensemble_answers_by_refit, load_members, model_parts
from fcsearch.selection.refits import refit_configs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return search(tmp_path_factory.mktemp("folds"), space={"trials": 6}, keep_models=6).run


@pytest.mark.parametrize("changed", ["epochs", "dataset", "trial"])
def test_refits_that_would_be_others_now_are_no_ensemble(tmp_path: Path, made: RunDirectory, changed: str) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    assert ensemble_answers_by_refit(run)
    trial = next(iter(run.models.ensemble()))
    path = run.models.member_refit_path(trial)
    facts = run.models.metadata(trial, path=path)
    others: dict[str, Any] = {
        "epochs": {"config": {**facts["config"], "epochs": facts["config"]["epochs"] + 1}},
        "dataset": {"dataset": "0" * 16},
        "trial": {"trial_id": trial + 1},
    }
    run.models.add_facts(trial, others[changed], path=path)
    assert not ensemble_answers_by_refit(run)
    assert [part.path for part in model_parts(run, "ensemble")] == [run.models.path(t) for t in run.models.ensemble()]


def test_without_an_ensemble_no_refits_answer_for_it(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    run.models.ensemble_path.unlink()
    assert not ensemble_answers_by_refit(run)


def test_a_confirmation_that_changes_the_epochs_sets_the_refits_of_the_ensemble_aside(
    tmp_path: Path, made: RunDirectory
) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    before = refit_configs(run, run.finished_trials())
    confirm_run(run, dataclasses.replace(saved_options(run), confirm=6, confirm_seeds=2, refit=False))
    members = run.models.ensemble()
    assert refit_configs(run, members) != {trial: before[trial] for trial in members}, "else this shows nothing"
    assert not ensemble_answers_by_refit(run)


def test_with_ensemble_0_a_run_has_no_ensemble_any_more(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    assert run.models.ensemble()
    report = resume_search(run, dataclasses.replace(saved_options(run), ensemble=0)).report
    assert report.ensemble is None
    with pytest.raises(RunError, match="must have an ensemble; found none"):
        load_members(run, "ensemble")
