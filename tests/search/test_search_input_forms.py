"""Searches in which every trial says in which form it learns the rows: from the first pack to the use of a model."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import safetensors.torch
import torch
from commands import ran
from engine_helpers import RecordingView
from form_searches import FORMS, PARAMETERS, of_form, search, trials, write_rows

import fcsearch
from fcsearch.config import OWN_FORM, InputForm
from fcsearch.data import Dataset, load_dataset
from fcsearch.data.joint_transform import parts_of
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.evaluation import load_run_dataset, measure_model, measure_other
from fcsearch.evaluation.pairs import compare
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.exporting import export_model
from fcsearch.nn.storage import load_tensors
from fcsearch.results import RunDirectory, rank_trials
from fcsearch.results.model_file import load_transform
from fcsearch.results.records import row_config
from fcsearch.search.api import resume_search, saved_options
from fcsearch.search.loop.refitting import joined
from fcsearch.selection import load_members
from fcsearch.selection.refits import refit_configs
from fcsearch.training import Pack, TrainingData, train_pack

# Several threads would round otherwise.
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return search(tmp_path_factory.mktemp("forms"), refit=True, confirm=2, confirm_seeds=2)


def without_bins() -> dict[str, Any]:
    return {name: value for name, value in PARAMETERS.items() if name != "bins"}


def data_of(dataset: Dataset) -> TrainingData:
    return TrainingData.from_arrays(**dataset.training_arrays("accuracy"))


def test_each_trial_is_the_one_that_a_dataset_of_its_form_would_have(run: RunDirectory) -> None:
    assert {row_config(row).input_form for row in trials(run)} == {OWN_FORM, *FORMS}
    spec = dataclasses.replace(run.dataset_spec())
    for form in FORMS:
        row = of_form(run, form)
        assert (row["preprocessing"], row["bins"]) == (form.preprocessing, form.bins or None)
        own = load_dataset(dataclasses.replace(spec, preprocessing=form.preprocessing, bins=form.bins or None))
        config = dataclasses.replace(row_config(row), preprocessing="dataset", bins=0)
        (expected,) = train_pack([config], data_of(own))
        assert (row["val_accuracy"], row["val_loss"]) == (expected.best.val["accuracy"], expected.best.val_loss)
        assert row["num_parameters"] == expected.num_parameters
        # And its file has the transform of these rows, and no other.
        assert load_transform(run.models.kept(row["trial_id"])) == own.transform


def test_a_space_that_names_no_form_has_the_same_rows_and_no_other_files(tmp_path: Path, run: RunDirectory) -> None:
    parameters = {name: value for name, value in PARAMETERS.items() if name not in ("preprocessing", "bins")}
    plain = search(tmp_path, parameters=parameters, trials=2)
    assert plain.manifest().dataset.fingerprint == run.manifest().dataset.fingerprint
    assert {path.name for path in plain.path.glob("transform*")} == {"transform.json"}
    assert {path.name for path in run.path.glob("transform*")} == {
        "transform.json", "transform-quantile.json", "transform-piecewise-4.json", "transform-piecewise-9.json"
    }  # fmt: skip
    own = [row for row in trials(run) if row["preprocessing"] == "dataset"]
    assert [row["val_loss"] for row in trials(plain)] == [row["val_loss"] for row in own]


def test_what_a_search_shows_first_says_which_forms_there_are_and_their_size(tmp_path: Path) -> None:
    view = RecordingView()
    search(tmp_path, trials=1, view=view)
    # Two numbers and three categories; every row is in one split.
    size = sum(4 * 300 * width for width in (2 + 3, 2 + 3, 2 * 4 + 3, 2 * 9 + 3))
    forms = "dataset (5 features), quantile (5), piecewise 4 (11), piecewise 9 (21)"
    assert view.lines["preprocessing"] == f"{forms}: {size / 1e6:.1f} MB in all"
    # What no trial learns is in memory, and is not named.
    (tmp_path / "quantile").mkdir()
    search(tmp_path / "quantile", trials=1, view=view, parameters={**without_bins(), "preprocessing": "quantile"})
    assert view.lines["preprocessing"].startswith("quantile (5 features): ")


def test_worker_processes_train_the_same(tmp_path: Path, run: RunDirectory) -> None:
    other = search(tmp_path, pool="local", cpus_per_worker=0.5)
    key = ("preprocessing", "bins", "learning_rate")
    found, expected = (
        {tuple(row[name] for name in key): row["val_loss"] for row in trials(one)} for one in (other, run)
    )
    assert found == expected


@pytest.mark.usefixtures("_exact_packs")
def test_a_trial_of_one_fold_and_form_is_that_of_its_own_dataset(tmp_path: Path) -> None:
    run = search(tmp_path, folds=3, pool="local", cpus_per_worker=0.5)
    row = of_form(run, InputForm("piecewise", 4))
    own = load_dataset(dataclasses.replace(run.dataset_spec(), preprocessing="piecewise", bins=4))
    config = dataclasses.replace(row_config(row), preprocessing="dataset", bins=0)
    (expected,) = train_pack([config], data_of(own))
    assert (row["val_accuracy"], row["val_loss"]) == (expected.best.val["accuracy"], expected.best.val_loss)


def test_a_model_is_measured_in_its_own_form_also_on_other_rows(run: RunDirectory, tmp_path: Path) -> None:
    dataset = load_run_dataset(run)
    for form in FORMS:
        row = of_form(run, form)
        members = load_members(run, str(row["trial_id"]))
        assert measure_model(run, members, dataset, "val").value == row["val_accuracy"]
        found, _ = measure_other(run, members, str(write_rows(tmp_path / "rows.csv")))
        ran("evaluate", run.path, "--model", row["trial_id"], "--split", "val")
        predicted = fcsearch.open_run(run.path)
        table = pyarrow.csv.read_csv(tmp_path / "rows.csv")
        module = predicted.torch_module(row["trial_id"], preprocessing=True)
        assert module is not None
        chosen = choose_model(str(run.path), str(row["trial_id"]), tmp_path)
        assert chosen.predictor.transform == load_transform(run.models.kept(row["trial_id"]))
        assert found.rows == table.num_rows == 300


def without_transform(path: Path) -> None:
    """Remove the transform from a model file, as an older fcsearch saved it."""
    tensors, texts = load_tensors(path)
    del texts["fcsearch.transform"]
    path.write_bytes(safetensors.torch.save(tensors, texts))


def test_a_model_of_another_form_without_its_transform_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    copy = RunDirectory.open(shutil.copytree(run.path, tmp_path / "copy"))
    own, other = (of_form(copy, form)["trial_id"] for form in (OWN_FORM, InputForm("quantile")))
    for trial in (own, other):
        without_transform(copy.models.path(trial))
    rows, opened = str(write_rows(tmp_path / "rows.csv")), fcsearch.open_run(copy.path)
    # Both make as many features.
    uses: list[Callable[[int], Any]] = [
        lambda trial: choose_model(str(copy.path), str(trial), tmp_path).predictor.transform,
        lambda trial: measure_other(copy, load_members(copy, str(trial)), rows),
        lambda trial: opened.torch_module(trial, preprocessing=True),
    ]
    assert uses[0](own) == copy.transform()
    for use in uses:
        use(own)
        with pytest.raises(DataError, match=r"must hold the transform that makes features of the form quantile.*found"):
            use(other)


def ensemble_of_all(run: RunDirectory) -> list[int]:
    """Make an ensemble whose members learned different forms."""
    ids = [of_form(run, form)["trial_id"] for form in (OWN_FORM, *FORMS)]
    run.models.save_ensemble(dict.fromkeys(ids, 0.25), {})
    return ids


def test_networks_of_different_forms_predict_together(run: RunDirectory, tmp_path: Path) -> None:
    ids = ensemble_of_all(run)
    chosen = choose_model(str(run.path), "ensemble", tmp_path)
    assert len(parts_of(chosen.predictor.transform)) == len(ids)
    raw = np.array([[0.5, np.nan, 1.0], [-1.0, 2.0, -1.0], [3.0, 0.0, 0.0]])
    # The ensemble has a temperature of its own: here none.
    alone = (choose_model(str(run.path), str(trial), tmp_path).predictor for trial in ids)
    apart = [dataclasses.replace(predictor, temperature=1.0) for predictor in alone]
    expected = np.mean([one.values(one.transform.apply(raw)) for one in apart], axis=0)
    together = chosen.predictor.values(chosen.predictor.transform.apply(raw))
    np.testing.assert_allclose(together, expected, atol=1e-12)
    table = pa.table({"a": raw[:, 0], "b": raw[:, 1], "kind": ["y", "unknown", "x"]})
    from_python = fcsearch.open_run(run.path).predict_proba(table, model="ensemble")
    np.testing.assert_allclose(from_python, expected, atol=1e-6)
    members, dataset = load_members(run, "ensemble"), load_run_dataset(run)
    inside, (outside, _) = (
        measure_model(run, members, dataset, "val"),
        measure_other(run, members, str(write_rows(tmp_path / "rows.csv"))),
    )
    assert inside.networks == outside.networks == len(ids)
    val = [dataset.in_form(row_config(trials(run)[trial]).input_form).val for trial in ids]
    means = np.mean([one.values(rows.X) for one, rows in zip(apart, val, strict=True)], axis=0)
    assert inside.loss == pytest.approx(-np.log(means[np.arange(len(means)), val[0].y]).mean(), rel=1e-4)
    pair = compare(run, members, load_members(run, str(ids[2])), dataset, "val")
    assert pair.single == trials(run)[ids[2]]["val_accuracy"]
    assert pair.difference == pytest.approx(inside.value - pair.single)


def test_two_names_of_one_form_predict_together_too(tmp_path: Path) -> None:
    run = search(
        tmp_path, parameters={**without_bins(), "preprocessing": {"choices": ["dataset", "robust", "quantile"]}}
    )
    robust = of_form(run, InputForm("robust"))["trial_id"]
    assert trials(run)[robust]["val_loss"] == of_form(run, OWN_FORM)["val_loss"]
    ids = [of_form(run, OWN_FORM)["trial_id"], robust, of_form(run, InputForm("quantile"))["trial_id"]]
    run.models.save_ensemble(dict(zip(ids, (0.25, 0.25, 0.5), strict=True)), {})
    together, members = choose_model(str(run.path), "ensemble", tmp_path).predictor, load_members(run, "ensemble")
    run.models.save_ensemble({ids[0]: 0.5, ids[2]: 0.5}, {})
    expected, fewer = choose_model(str(run.path), "ensemble", tmp_path).predictor, load_members(run, "ensemble")
    assert len(parts_of(together.transform)) == 2
    raw = np.array([[0.5, np.nan, 1.0], [-1.0, 2.0, -1.0]])
    np.testing.assert_allclose(*(one.values(one.transform.apply(raw)) for one in (together, expected)))
    rows = str(write_rows(tmp_path / "rows.csv"))
    assert measure_other(run, members, rows)[0].loss == pytest.approx(measure_other(run, fewer, rows)[0].loss)


@pytest.mark.parametrize("form", ["torch", "onnx"])
def test_they_are_exported_together(run: RunDirectory, tmp_path: Path, form: str) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    ensemble_of_all(run)
    # The check of every export compares with what fcsearch predicts.
    exported = export_model(choose_model(str(run.path), "ensemble", tmp_path), form)
    assert exported.difference is not None
    assert exported.difference <= 1e-5
    for text in exported.beside.values():
        assert text.startswith('{"format": 1, "parts": [')


def test_their_transforms_are_read_one_by_one(run: RunDirectory, tmp_path: Path) -> None:
    ensemble_of_all(run)
    joint = choose_model(str(run.path), "ensemble", tmp_path).predictor.transform
    with pytest.raises(DataError, match=r"^model\.pt2\.transform\.json must hold one transform; found several"):
        FeatureTransform.from_json(joint.to_json(), where="model.pt2.transform.json")
    texts = map(json.dumps, json.loads(joint.to_json())["parts"])
    parts = [FeatureTransform.from_json(text, where="a part") for text in texts]
    assert parts == list(parts_of(joint))
    earlier = json.dumps({"format": 1, **dataclasses.asdict(joint)})
    with pytest.raises(DataError, match="must hold one transform; found several"):
        FeatureTransform.from_json(earlier, where="here")


def test_the_best_again_and_the_refit_learn_the_form_of_their_trial(run: RunDirectory) -> None:
    winner = rank_trials(run.trials())["trial_id"][0].as_py()
    form = row_config(trials(run)[winner]).input_form
    assert form in FORMS, "else this shows nothing"
    own = load_dataset(
        dataclasses.replace(run.dataset_spec(), preprocessing=form.preprocessing, bins=form.bins or None)
    )
    config = dataclasses.replace(row_config(trials(run)[winner]), preprocessing="dataset", bins=0)
    again = [row for row in run.confirmations().to_pylist() if row["trial_id"] == winner]
    assert len(again) == 2
    for row in again:
        seeded = dataclasses.replace(config, seed=row["seed"])
        (expected,) = train_pack([seeded], data_of(own))
        assert row["val_loss"] == expected.best.val_loss
    (member,) = load_members(run, "refit")
    once_more = dataclasses.replace(refit_configs(run, [winner])[winner], preprocessing="dataset", bins=0)
    last = Pack([once_more], data_of(joined(own)), keep_last=True)
    while last.alive:
        last.train_epoch()
    assert all(torch.equal(member.net.params[name], weight) for name, weight in last.results()[0].weights.items())
    assert member.form == form
    assert measure_model(run, [member], load_run_dataset(run), "test").rows == len(own.test)


@pytest.mark.usefixtures("_exact_packs")
def test_a_run_that_was_interrupted_goes_on_with_the_same_forms(tmp_path: Path, run: RunDirectory) -> None:
    folder = tmp_path / "cut"
    folder.mkdir()
    cut = search(folder, trials=3)
    options = dataclasses.replace(saved_options(cut), trials=8)
    resume_search(cut, options)
    assert [row["val_loss"] for row in trials(cut)] == [row["val_loss"] for row in trials(run)]


def test_one_network_is_trained_again_in_its_form(run: RunDirectory, tmp_path: Path) -> None:
    row = of_form(run, InputForm("piecewise", 9))
    saved = tmp_path / "model.safetensors"
    ran("train", "--run", run.path, "--trial", row["trial_id"], "--save", saved, "--format", "json")
    chosen = choose_model(str(saved), None, tmp_path)
    assert chosen.predictor.transform == load_transform(run.models.kept(row["trial_id"]))
