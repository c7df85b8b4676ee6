"""The refits of an ensemble's members: when they are its networks, and when they go."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import output_of, ran
from fold_searches import search

import fcsearch
from fcsearch.config import TrialConfig
from fcsearch.errors import RunError
from fcsearch.report.finished import is_finished
from fcsearch.report.lacking import lacking_notes, lacking_words
from fcsearch.report.words import capitalised
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.search.api import confirm_run, resume_search, saved_options
from fcsearch.search.record.confirmations import RefitBooks
from fcsearch.search.record.pack_record import PackRecord
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


NOT_FITTED = (
    "not all its networks were fitted again, so it consists of those of the first fold, which learned from fewer rows"
)


def test_an_ensemble_that_lacks_refits_is_said_to_be_of_the_first_fold(
    tmp_path: Path, made: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, ensemble = RunDirectory.open(shutil.copytree(made.path, Path("copy"))), ["--model", "ensemble"]
    rows = run.dataset_spec().source

    def said() -> list[str]:
        texts = [
            output_of("evaluate", "copy/", *ensemble),
            ran("predict", "copy/", rows, *ensemble).stderr,
            output_of("export", "copy/", *ensemble, "--out", "out.pt2"),
            Path("out.pt2.md").read_text(),
        ]
        return [" ".join(text.split()) for text in texts]

    assert len(run.models.ensemble()) > 1, "else this shows nothing"
    assert not any("fitted again" in text for text in said())
    run.models.member_refit_path(next(iter(run.models.ensemble()))).unlink()
    *notes, card = said()
    assert all(f"{NOT_FITTED}: `fcsearch resume copy` fits them again" in text for text in notes)
    assert f"- {capitalised(NOT_FITTED)}: `fcsearch resume` on that run goes on" in card
    assert "not all its networks" not in output_of("evaluate", "copy/").lower()
    with pytest.warns(UserWarning, match=f"^{NOT_FITTED}"):
        fcsearch.open_run("copy").evaluate(model="ensemble")


def test_resume_fits_what_an_ensemble_lacks_although_all_trials_are_done(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    assert is_finished(run)
    run.models.member_refit_path(next(iter(run.models.ensemble()))).unlink()
    assert not is_finished(run)
    resume_search(run, saved_options(run))
    assert ensemble_answers_by_refit(run)
    assert is_finished(run)
    # Who wants no refits lacks none.
    run.update_manifest({"options": {**run.manifest().options, "refit": False}})
    run.models.member_refit_path(next(iter(run.models.ensemble()))).unlink()
    assert is_finished(run)


def test_a_refit_that_diverged_is_not_tried_again_until_it_would_be_another(tmp_path: Path, made: RunDirectory) -> None:
    run = RunDirectory.open(shutil.copytree(made.path, tmp_path / "copy"))
    members, winner = run.models.ensemble(), run.models.metadata(0, path=run.models.refit_path)["trial_id"]
    lost = next(trial for trial in members if trial != winner)
    path, config = run.models.member_refit_path(lost), refit_configs(run, members)[lost]
    path.unlink()

    def diverged(config: TrialConfig) -> None:
        record = TrialRecord(trial_id=lost, state="diverged", config=config)
        assert list(RefitBooks(run, {lost: [path]}).record(PackRecord(0, [record]))) == [lost]

    diverged(config)
    assert is_finished(run)
    words = f"trial {lost} diverged when fitted again, so it consists of the networks of the first fold, which learned"
    assert lacking_notes(run, members) == lacking_words(run, members) == [f"{words} from fewer rows"]
    report = resume_search(run, saved_options(run)).report
    assert any(f"{capitalised(words)} from fewer rows than the winner" in remark for remark in report.trust.remarks)
    assert not path.is_file()
    assert is_finished(run)
    # Without folds no members are fitted again, but the winner may have been.
    described = run.manifest().dataset
    run.update_manifest({"dataset": described.model_copy(update={"folds": ()})})
    assert lacking_words(run, members) == []
    run.update_manifest({"dataset": described})
    # Another one might not diverge.
    diverged(dataclasses.replace(config, epochs=config.epochs + 1))
    assert not is_finished(run)
    resume_search(run, saved_options(run))
    assert ensemble_answers_by_refit(run)


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
