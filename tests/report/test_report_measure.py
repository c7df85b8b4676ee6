"""The best model on the test split: once, and only where that means something."""

import dataclasses
import json
import shutil
from typing import Any

import numpy as np
import pytest
from synthetic_run import change_dataset, digits, save_model, trial_row

from fcsearch.errors import RunError
from fcsearch.evaluation import Measurement, load_run_dataset
from fcsearch.report import (
    FinalTest,
    build_report,
    known_measurements,
    render_text,
    write_report,
)
from fcsearch.report.closing import figures_line
from fcsearch.report.measured import Measured
from fcsearch.report.model_table import earlier_rows, model_rows
from fcsearch.results import MODELS, RunDirectory, open_run, rank_trials


def add_better(run: RunDirectory) -> None:
    """Trial 99, the best of all."""
    better = {**trial_row(4), "trial_id": 99, "val_accuracy": 0.999}
    run.write_pack(run.next_pack_id(), [better], [])
    save_model(run, better)


def test_the_test_rows_are_used_once(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_report(run).test
    assert first.measured_trials == (first.measurement.trial_id,)

    def forbidden(*_: object) -> Measurement:
        raise AssertionError("measured again")

    monkeypatch.setattr("fcsearch.report.measure.measure", forbidden)
    monkeypatch.setattr("fcsearch.report.measure.measure_model", forbidden)
    assert write_report(run).test == first


@pytest.mark.parametrize("state", ["interrupted", "failed"])
def test_the_test_rows_stay_unseen_until_the_search_is_complete(run: RunDirectory, state: str) -> None:
    run.update_manifest({"state": state})
    found = write_report(run)
    assert (found.test.measurement, found.test.measured_trials) == (None, ())
    assert found.test.note == "it is measured once, when the winner is settled"
    assert found.validation is not None
    assert found.best is not None
    assert "test accuracy" not in figures_line(found, found.best)
    # Resumed, it finds a better one, which is then the only one that those rows have seen.
    add_better(run)
    run.update_manifest({"state": "complete"})
    assert write_report(run).test.measured_trials == (99,)


def test_what_was_measured_before_a_search_went_on_is_kept(run: RunDirectory) -> None:
    first = write_report(run).test
    run.update_manifest({"state": "interrupted"})
    assert write_report(run).test == first


def test_another_best_trial_is_measured_and_the_use_counted(run: RunDirectory) -> None:
    first = write_report(run).test
    add_better(run)
    second = write_report(run)
    assert second.test.measurement.trial_id == 99
    assert second.test.measured_trials == (*first.measured_trials, 99)
    # The report, its last lines and the table of models say so; the row of the earlier look stays.
    earlier, text = first.measurement.trial_id, " ".join(render_text(second).split())
    assert f"; trial {earlier} measured on these rows before" in text
    assert f"An earlier report measured trial {earlier} on these rows" in text
    assert "measured once" not in text
    assert "played no part in any choice" not in text
    assert second.best is not None
    assert "; not the first look at these rows)" in figures_line(second, second.best)
    for _ in range(2):
        looks = [
            (row["model"], row["trial_id"]) for row in open_run(run.path).models.to_pylist() if row["split"] == "test"
        ]
        assert looks == [("winner", 99), ("earlier winner", earlier)]
        assert write_report(run) == second


def test_while_a_better_one_waits_to_be_measured_the_earlier_look_is_told(run: RunDirectory) -> None:
    earlier = write_report(run).test.measured_trials
    add_better(run)
    run.update_manifest({"state": "interrupted"})
    found = write_report(run)
    assert (found.test.measurement, found.test.earlier) == (None, earlier)
    assert f"settled; trial {earlier[0]} measured on these rows before" in " ".join(render_text(found).split())


def test_a_search_that_goes_on_and_keeps_its_winner_has_one_look(run: RunDirectory) -> None:
    first = write_report(run)
    run.write_pack(run.next_pack_id(), [{**trial_row(4), "trial_id": 99, "val_accuracy": 0.1}], [])
    second = write_report(run)
    assert (second.test, second.test.earlier) == (first.test, ())
    assert "measured once, on this network alone" in " ".join(render_text(second).split())
    [look] = [row for row in open_run(run.path).models.to_pylist() if row["split"] == "test"]
    assert look["model"] == "winner"


def test_a_damaged_table_of_models_is_written_anew(run: RunDirectory) -> None:
    write_report(run)
    (run.path / "models.parquet").write_bytes(b"PAR1")
    write_report(run)
    assert len(open_run(run.path).models) > 0


def test_data_that_have_changed_are_no_error(run: RunDirectory) -> None:
    change_dataset(run, fingerprint="0123")
    found = write_report(run)
    assert found.test.measurement is None
    assert "must be the rows that the run was made on" in (found.test.note or "")
    assert "restore the original data" in (found.test.note or "")
    assert found.best is not None


def test_data_that_are_gone_are_no_error(run: RunDirectory) -> None:
    spec = dataclasses.replace(run.dataset_spec(), source=str(run.path / "gone.parquet"))
    change_dataset(run, spec=spec.to_json())
    assert "gone.parquet" in (write_report(run).test.note or "")


def test_a_manifest_without_a_dataset(run: RunDirectory) -> None:
    run.update_manifest({"dataset": None})
    assert "must hold the run's dataset" in (write_report(run).test.note or "")
    with pytest.raises(RunError, match="restore a copy of it"):
        load_run_dataset(run)


def test_a_model_that_was_not_kept_is_no_error(run: RunDirectory) -> None:
    shutil.rmtree(run.models.folder)
    run.models.folder.mkdir()
    best = rank_trials(run.trials())["trial_id"][0].as_py()
    found = write_report(run)
    assert f"trial {best} must have a saved model; found models of trials: none" in (found.test.note or "")
    assert found.best.model is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"test": {"measured_trials": "x", "measurement": {}}}', '{"test": 1}']
)
def test_a_strange_report_json_is_replaced(run: RunDirectory, content: str) -> None:
    (run.path / "report.json").write_text(content)
    assert write_report(run).test.measurement is not None


def test_the_validation_rows_are_measured_and_kept(run: RunDirectory) -> None:
    found = write_report(run)
    assert (found.validation.split, found.validation.trial_id) == ("val", found.best.row["trial_id"])  # type: ignore[union-attr]
    assert known_measurements(run).validation == found.validation
    assert known_measurements(run).test == found.test


def test_a_report_of_an_earlier_version_is_completed_and_its_use_of_the_test_rows_counted_once(
    run: RunDirectory,
) -> None:
    first = write_report(run)
    _forget_classes(run)
    old = known_measurements(run).test
    assert (old.measurement.accuracy, old.measurement.classification) == (first.test.measurement.accuracy, None)  # type: ignore[union-attr]
    second = write_report(run)
    assert (second.test, second.validation) == (first.test, first.validation)


def test_an_earlier_measurement_is_kept_where_the_data_are_gone(run: RunDirectory) -> None:
    first = write_report(run)
    _forget_classes(run)
    change_dataset(run, fingerprint="0123")
    found = write_report(run)
    assert found.test.measurement.accuracy == first.test.measurement.accuracy  # type: ignore[union-attr]
    assert found.test.measured_trials == first.test.measured_trials
    assert "Class by class" not in render_text(found)


def _forget_classes(run: RunDirectory) -> None:
    """Make report.json one of an earlier version."""
    path = run.path / "report.json"
    stored = json.loads(path.read_text())
    del stored["validation"], stored["test"]["measurement"]["classification"]
    stored["test"]["measurement"]["classes"] = [{"name": "0", "rows": 27, "accuracy": 1.0}]
    path.write_text(json.dumps(stored))


def test_a_run_without_class_counts_has_its_base_line_from_the_measurement(run: RunDirectory) -> None:
    change_dataset(run, class_counts=None)
    assert build_report(run, test=FinalTest(note="-")).base_line is None
    counts = np.bincount(digits().val.y)
    found = write_report(run).base_line
    assert (found.value, found.rows) == (counts.max() / counts.sum(), 270)


def test_figures_of_a_trial_that_is_no_longer_best_are_not_those_of_the_best(run: RunDirectory) -> None:
    write_report(run)
    run.write_pack(run.next_pack_id(), [{**trial_row(4), "trial_id": 99, "val_accuracy": 0.999}], [])
    found = build_report(run, test=known_measurements(run).test, validation=known_measurements(run).validation)
    assert found.validation is None
    assert found.test.measurement is None
    assert found.test.note == "it is measured once, when the winner is settled"


def test_the_ensemble_is_compared_with_the_winner_of_today(run: RunDirectory) -> None:
    run.models.save_ensemble({4: 0.5, 29: 0.5}, {"temperature": 1.0})
    first = write_report(run)
    assert first.ensemble.versus.trial_id == first.best.row["trial_id"]
    add_better(run)
    # Before it is measured, nothing is compared.
    stale = build_report(run, **vars(known_measurements(run))).ensemble
    assert stale == dataclasses.replace(first.ensemble, versus=None)
    second = write_report(run)
    assert second.ensemble.versus.trial_id == 99
    assert second.ensemble.versus.single == second.test.measurement.value
    assert second.ensemble.test == first.ensemble.test
    assert write_report(run).ensemble == second.ensemble


def test_two_refits_with_equal_figures_are_two_looks(run: RunDirectory) -> None:
    report = write_report(run)
    assert report.test.measurement is not None
    value = dataclasses.replace(report.test.measurement, trial_id=None)

    def rows(*trials: int) -> list[dict[str, Any]]:
        found = Measured(test=FinalTest(value, None, trials, refit=True, digest=f"of {trials[-1]}"))
        return model_rows(found, report)

    [first], [second] = rows(29), rows(29, 4)
    assert [(row["model"], row["trial_id"]) for row in (first, second)] == [("refit", 29), ("refit", 4)]
    before = {name: first.get(name) for name in MODELS.names}
    [earlier] = earlier_rows([before], [second])
    assert (earlier["model"], earlier["trial_id"]) == ("earlier refit", 29)
    # An earlier version wrote no trial: it is the same look.
    assert earlier_rows([{**before, "trial_id": None}], [first]) == []
