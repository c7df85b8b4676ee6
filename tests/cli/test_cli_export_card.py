"""The card beside an exported model."""

import dataclasses
import json
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest
from commands import exported

from fcsearch.evaluation import Lead
from fcsearch.inference.choosing import choose_model
from fcsearch.report import build_report, known_measurements, write_report
from fcsearch.report.card import _data, _own_verdict
from fcsearch.report.judgement import Caution
from fcsearch.report.verdict import NOT_SHOWN, RANKING_ALONE, Opening
from fcsearch.results import RunDirectory, open_run


def test_the_card_has_figures_with_their_errors_and_nothing_of_the_machine(run: RunDirectory, tmp_path: Path) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    report = write_report(run)
    card = exported(run.path, tmp_path / "out.safetensors")
    assert report.test.measurement is not None
    for found in (report.validation, report.test.measurement):
        assert f"| {100 * found.accuracy:.2f}% | {100 * found.standard_error:.2f} points |" in card
    assert "The baseline is that of always answering the commonest class, `3`." in card
    assert f"- Fingerprint: `{digits().fingerprint}`" in card
    assert "A classifier of 10 classes: `0`, `1`, `2`" in card
    assert "- Features: 1 array; numbers shifted and scaled: 64 features" in card
    assert "preprocessing dataset" not in card
    assert f"- It is trial {open_run(run.path).best['trial_id']} of synthetic, a run of 48 trials, seed 0" in card
    assert "Nothing was learned" not in card
    for word in (str(tmp_path), str(Path.home()), str(Path(sys.prefix)), socket.gethostname(), "node-1"):
        assert word not in card
    other = next(trial for trial in run.models.saved() if trial != open_run(run.path).best["trial_id"])
    card = exported(run.path, tmp_path / "out.safetensors", "--model", str(other))
    assert "It was not measured on test rows." in card


@pytest.mark.parametrize("losing", [("validation",), ("test",), ("validation", "test")])
def test_the_card_has_the_verdict_of_the_report(run: RunDirectory, tmp_path: Path, losing: tuple[str, ...]) -> None:
    """Either both say that nothing was learned, in the same words, or neither does."""
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    stored = json.loads((run.path / "report.json").read_text())
    for split in losing:
        measured = stored["validation"] if split == "validation" else stored["test"]["measurement"]
        measured["lead"]["gain"] = 0.0
        # Nor a ranking.
        measured["figures"]["roc_auc"] = 0.5
    (run.path / "report.json").write_text(json.dumps(stored))
    trust = build_report(run, **vars(known_measurements(run))).trust
    verdict = trust.verdict
    card = exported(run.path, tmp_path / "out.safetensors")
    assert (verdict is None) == (len(losing) == 1)
    # And so with a lead that the test rows do not show.
    assert (trust.caution is not None) == (losing == ("test",))
    assert (f"**{trust.caution}**" in card) == (trust.caution is not None)
    assert ("is the figure to quote" in card) == (verdict is None)
    if verdict is None:
        assert "learned:" not in card
    else:
        assert f"**Nothing was learned:** {verdict.reason}\n" in card


def test_no_figure_of_a_network_that_is_not_to_be_used_is_to_be_quoted(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    for forbids in (True, False):
        caution = Caution("Mind this.", forbids)
        monkeypatch.setattr("fcsearch.report.card.opening_of_run", lambda *_, caution=caution: Opening(caution=caution))
        card = exported(run.path, tmp_path / f"{forbids}.safetensors")
        assert "**Mind this.**" in card
        assert ("is the figure to quote" in card) != forbids


def test_the_card_of_another_trial_has_no_word_on_the_chosen_one(run: RunDirectory, tmp_path: Path) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    write_report(run)
    stored = json.loads((run.path / "report.json").read_text())
    for measured in (stored["validation"], stored["test"]["measurement"]):
        measured["lead"]["gain"] = 0.0
    (run.path / "report.json").write_text(json.dumps(stored))
    other = next(trial for trial in run.models.saved() if trial != open_run(run.path).best["trial_id"])
    assert "learned:" in exported(run.path, tmp_path / "out.safetensors")
    card = exported(run.path, tmp_path / "other.safetensors", "--model", str(other))
    assert "learned:" not in card
    assert "the network is not ahead" not in card


def test_a_refit_learned_from_the_rows_for_validation_too(run: RunDirectory) -> None:
    from synthetic_run import digits

    run.keep_transform(digits().transform)
    chosen = choose_model(str(run.path), None, run.path.parent)
    described = run.manifest().dataset
    rows = described.rows
    assert rows.train
    assert rows.val
    assert f"- Rows: {rows.train:,} for training, {rows.val:,} for validation" in "\n".join(_data(chosen))
    [line] = [line for line in _data(dataclasses.replace(chosen, trials=())) if line.startswith("- Rows: ")]
    assert line.startswith(f"- Rows: {rows.train + rows.val:,} for training (a refit")


def test_an_ensemble_and_a_refit_are_judged_by_their_own_figures(run: RunDirectory) -> None:
    write_report(run)
    known = known_measurements(run)
    assert known.validation is not None
    assert known.test.measurement is not None
    small, losing = Lead(0.02, 0.008), Lead(0.0, 0.01)
    validation = dataclasses.replace(known.validation, lead=small)
    test = dataclasses.replace(known.test.measurement, lead=losing)
    both = _own_verdict([validation, test], trials=48)
    assert both.claim == RANKING_ALONE
    assert (
        "by no more than chance explains for the best of 48 trials on these rows; and its test accuracy" in both.reason
    )
    alone = _own_verdict([test], trials=48)
    assert (alone.claim, alone.reason[:18]) == (RANKING_ALONE, "its test accuracy,")
    assert test.figures["roc_auc"] > 0.9
    ranked = [dataclasses.replace(item, figures={"roc_auc": 0.5}) for item in (validation, test)]
    assert [_own_verdict(rows, trials=48).claim for rows in (ranked, ranked[1:])] == [NOT_SHOWN, NOT_SHOWN]
    assert _own_verdict([validation, dataclasses.replace(test, lead=small)], trials=48) is None
    assert _own_verdict([], trials=48) is None


def test_the_card_of_a_file_alone_names_the_settings_that_it_reads(customers: RunDirectory, tmp_path: Path) -> None:
    alone = shutil.copy(customers.models.path(0), tmp_path / "alone.safetensors")
    card = exported(alone, tmp_path / "model.safetensors")
    [line] = re.findall(r"- Hyperparameters: .*", card)
    assert "update_rule " in line
    assert "momentum" not in line
    assert "huber_delta" not in line
