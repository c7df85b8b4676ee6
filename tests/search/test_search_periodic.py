"""A search whose networks may embed numbers, from the space to the use of its models."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
import torch
from commands import ran
from form_searches import of_form, search, trials, write_rows
from search_helpers import make_space

import fcsearch
from fcsearch.config import InputForm
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.errors import DataError
from fcsearch.inference.choosing import choose_model
from fcsearch.inference.exporting import export_model
from fcsearch.report.card import model_card
from fcsearch.results import RunDirectory
from fcsearch.results.records import row_config
from fcsearch.training import TrainingData, train_pack

# Several threads would round otherwise.
pytestmark = pytest.mark.usefixtures("one_thread")

FORM = InputForm("periodic")
PARAMETERS: dict[str, Any] = {
    "preprocessing": {"choices": ["piecewise", "periodic"]},
    "frequencies": {"choices": [3, 6]},
    "frequency_scale": 0.7,
    "embedding_dim": 4,
    "learning_rate": {"choices": [0.1, 0.3]},
    "hidden_dim": 8,
    "epochs": 3,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("periodic")
    return search(folder, parameters=PARAMETERS, refit=True, confirm=2, confirm_seeds=2, folds=3)


def test_a_trial_says_what_it_reads_and_is_the_one_of_its_configuration(run: RunDirectory) -> None:
    rows = trials(run)
    embedded = [row for row in rows if row["preprocessing"] == "periodic"]
    assert {(row["frequencies"], row["embedding_dim"], row["frequency_scale"]) for row in embedded} == {
        (3, 4, 0.7), (6, 4, 0.7)
    }  # fmt: skip
    assert {row["frequencies"] for row in rows if row["preprocessing"] == "piecewise"} == {None}
    row = embedded[-1]
    data = TrainingData.from_arrays(**load_dataset(run.dataset_spec(), [FORM]).training_arrays("accuracy"))
    (expected,) = train_pack([row_config(row)], data)
    assert (row["val_accuracy"], row["val_loss"]) == (expected.best.val["accuracy"], expected.best.val_loss)
    # Two numbers, three categories, and the sizes above.
    frequencies = row["frequencies"]
    assert row["num_parameters"] == 2 * (frequencies + 2 * frequencies * 4 + 4) + (2 * 4 + 3 + 1) * 8 + (8 + 1) * 2


def test_its_model_predicts_new_rows_as_a_module_too(run: RunDirectory, tmp_path: Path) -> None:
    trial = str(of_form(run, FORM)["trial_id"])
    rows, out = write_rows(tmp_path / "rows.csv"), tmp_path / "out.csv"
    ran("predict", run.path, rows, "--model", trial, "--out", out)
    found = pyarrow.csv.read_csv(out)
    chosen = choose_model(str(run.path), trial, run.path.parent)
    (member,) = chosen.predictor.members
    assert member.network.embedding.numbers == 2
    X = chosen.predictor.transform.apply(raw(rows))
    values = chosen.predictor.values(X)
    np.testing.assert_allclose(found["probability_yes"].to_numpy(), values[:, 1], atol=1e-6)
    for form in ("onnx", "torch"):
        exported = export_model(chosen, form)
        assert exported.difference is not None
        assert exported.difference < 1e-5
        net = member.network
        assert (
            "Fully connected network of 5 features, of which 2 numbers embedded in 4 features each by "
            f"{len(net.params['f0'][0])} frequencies, then 11-8-2, relu, {net.num_parameters} weights, biases and freq"
        ) in model_card(chosen, exported, form, "model")
    with torch.no_grad():
        scores = fcsearch.open_run(run.path).torch_module(int(trial))(torch.from_numpy(X))
    torch.testing.assert_close(scores, member.network.loss(torch.from_numpy(X)), atol=1e-5, rtol=1e-5)


def raw(rows: Path) -> Any:
    """The rows as a raw matrix: two numbers, and the index of the category."""
    with rows.open() as stream:
        lines = list(csv.DictReader(stream))
    return np.array([[float(r["a"]), float(r["b"] or "nan"), "xyz".index(r["kind"])] for r in lines])


def test_the_ensemble_and_the_refit_are_measured(run: RunDirectory, tmp_path: Path) -> None:
    rows = str(write_rows(tmp_path / "rows.csv"))
    for model in ("best", "confirmed", "ensemble", "refit"):
        ran("evaluate", run.path, "--model", model, "--dataset", rows, "--format", "json")


def test_one_network_is_trained_by_both_engines(tmp_path: Path) -> None:
    rows = str(write_rows(tmp_path / "rows.csv"))
    options = ["--dataset", rows, "--label", "answer", "--frequencies", "5", "--epochs", "2", "--format", "json"]
    found = []
    for engine in ("pack", "solver"):
        done = ran("train", *options, "--engine", engine)
        found.append(json.loads(done.output))
        # A frequency implies the embedding.
        assert found[-1]["config"]["preprocessing"] == "periodic"
    assert found[0]["num_parameters"] == found[1]["num_parameters"]


def test_a_space_that_names_a_frequency_alone_embeds(tmp_path: Path) -> None:
    space = make_space(tmp_path, parameters={"frequencies": {"choices": [8, 16]}})
    assert space.input_forms == (FORM,)


def test_a_dataset_cannot_embed() -> None:
    with pytest.raises(DataError, match=r"--set parameters\.preprocessing=periodic"):
        DatasetSpec("digits", preprocessing="periodic")  # type: ignore[arg-type]


def test_pixels_are_not_embedded() -> None:
    with pytest.raises(DataError, match="mean or none; found periodic, which is for columns"):
        load_dataset(DatasetSpec("digits"), [FORM])


def test_a_table_without_numbers_is_not_embedded(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("kind,answer\n" + "x,yes\ny,no\n" * 30)
    with pytest.raises(DataError, match="preprocessing periodic needs a number in a row; found categories only"):
        load_dataset(DatasetSpec(str(path), label="answer"), [FORM])


def test_forms_that_scale_numbers_alike_share_their_rows(tmp_path: Path) -> None:
    spec = DatasetSpec(str(write_rows(tmp_path / "rows.csv")), label="answer", folds=2)
    data = load_dataset(spec, [InputForm("quantile"), FORM])
    scaled, embedded = (data.in_form(form) for form in (InputForm("quantile"), FORM))
    assert (scaled.form, embedded.form) == (InputForm("quantile"), FORM)
    for one, other in zip(scaled.folds, embedded.folds, strict=True):
        assert one.train.X is other.train.X
        assert other.form == FORM
