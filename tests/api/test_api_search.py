"""`fcsearch.search`: from data in memory to a run that predicts."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.sparse
import torch
from table_searches import SPACE, search, table

import fcsearch
from fcsearch.api.searching import read_space
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.errors import DataError, RunError, SpaceError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.search.api import resume_search, saved_options
from fcsearch.selection import chosen_trial
from fcsearch.space import SearchSpace


@pytest.fixture(scope="module")
def run() -> fcsearch.Run:
    return search(table(), label="kind")


def test_frames_of_every_library_are_the_same_rows(run: fcsearch.Run, tmp_path: Path) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rows = table()
    frame = rows.to_pandas()
    frame.index = range(7, 207)
    wanted = run.manifest.dataset.fingerprint
    prints = [
        search(frame, label="kind").manifest.dataset.fingerprint,
        search(polars.from_arrow(rows), label="kind").manifest.dataset.fingerprint,
        search(frame.drop(columns="kind"), frame["kind"]).manifest.dataset.fingerprint,
        search(pandas.DataFrame(frame.astype({"shape": "category"})), label="kind").manifest.dataset.fingerprint,
    ]
    assert prints == [wanted] * 4
    pa.parquet.write_table(rows, tmp_path / "rows.parquet")
    assert load_dataset(DatasetSpec(str(tmp_path / "rows.parquet"), label="kind")).fingerprint == wanted


def test_a_run_predicts_rows_with_columns_in_any_order_and_no_label(run: fcsearch.Run) -> None:
    rows = table()
    found = run.predict(rows.select(["noise", "shape", "size"]))
    assert list(run.classes) == ["apple", "leaf"]
    assert (found == rows["kind"].to_numpy()).mean() > 0.9
    shares = run.predict_proba(rows)
    assert shares.shape == (200, 2)
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.array_equal(run.classes[shares.argmax(axis=1)], found)
    with pytest.raises(DataError, match="'shape' is missing"):
        run.predict(rows.select(["noise", "size"]))


def test_its_validation_accuracy_is_what_predict_gets_there(run: fcsearch.Run) -> None:
    from fcsearch.data import dataset_in_memory

    dataset = dataset_in_memory(table(), None, DatasetSpec("memory:", label="kind"))
    scores = run.torch_module()(torch.from_numpy(dataset.val.X))
    assert (scores.argmax(dim=1).numpy() == dataset.val.y).mean() == pytest.approx(run.best["val_accuracy"])


def test_the_best_model_takes_the_columns_of_an_array() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    run = search(X, (X[:, 0] > 0).astype(int))
    scores = run.best_model(torch.tensor(X))
    assert (scores.argmax(dim=1).numpy() == run.predict(X)).all()
    regression = search(X, 1000 + 50 * X[:, 1])
    found = regression.best_model(torch.tensor(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, regression.predict(X), rtol=1e-4)


def test_a_network_is_a_plain_module_with_weights_of_its_own(run: fcsearch.Run) -> None:
    state = torch.random.get_rng_state()
    module = run.torch_module()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert {type(layer).__module__.partition(".")[0] for layer in module.modules()} == {"torch"}
    assert not module.training
    network = run.load_model()
    X = torch.randn(5, network.input_dim)
    assert torch.allclose(module(X), network.loss(X), atol=1e-6)
    with torch.no_grad():
        next(module.parameters()).zero_()
    assert not torch.allclose(run.torch_module()(X), module(X))


def test_a_module_may_hold_the_preprocessing_too(run: fcsearch.Run) -> None:
    rows = table()
    inputs = run.model.transform.inputs
    raw = np.empty((200, 3))
    for place, item in enumerate(inputs):
        values = rows[str(item.name)].to_pylist()
        codes = [item.categories.index(value) for value in values] if item.kind == "category" else values
        raw[:, place] = [np.nan if value is None else value for value in codes]
    scores = run.torch_module(preprocessing=True)(torch.from_numpy(raw))
    shares = torch.softmax(scores / run.model.temperature, dim=1)
    assert np.allclose(shares.detach().numpy(), run.predict_proba(rows), atol=1e-5)


def test_arrays_give_whole_numbers_back() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(150, 3))
    y = 5 + (X[:, 0] > 0).astype(np.int64)
    run = search(X, y)
    assert run.predict(X).dtype == np.int64
    assert (run.predict(X.tolist()) == y).mean() > 0.9
    with pytest.raises(DataError, match="must have the shape 3"):
        run.predict(X[:, :2])


def test_a_run_lives_as_long_as_its_object_or_where_it_is_asked_to(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    run = search(table(), label="kind")
    assert run.path.is_dir()
    assert run.manifest.workers == 1
    del run
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []
    search(table(), label="kind", out=tmp_path / "kept")
    assert (tmp_path / "kept" / "report.html").is_file()
    again = fcsearch.open_run(tmp_path / "kept")
    assert len(again.predict(table())) == 200
    with pytest.raises(RunError, match="needs a free name"):
        search(table(), label="kind", out=tmp_path / "kept")


def test_a_run_may_be_kept_at_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{tmp_path.name}/kept"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    best = search(table(), label="kind", out=url).best
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert fcsearch.open_run(url).best == best
    with pytest.raises(RunError, match=r"found memory://.* which exists"):
        search(table(), label="kind", out=url)


def test_a_kept_run_goes_on_where_its_rows_were_saved(tmp_path: Path) -> None:
    run = search(table(), label="kind", out=tmp_path / "kept")
    directory = RunDirectory.open(run.path)
    more = saved_options(directory)
    more = type(more)(**{**more.to_json(), "trials": 3})
    with pytest.raises(DataError, match="a program passed them in"):
        resume_search(directory, more)
    pa.parquet.write_table(table(), tmp_path / "rows.parquet")
    resume_search(directory, more, source=str(tmp_path / "rows.parquet"))
    assert fcsearch.open_run(run.path).trials.num_rows == 3


def test_a_space_may_be_a_name_a_file_a_dict_or_itself(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("parameters: {epochs: 1, hidden_dim: 8, learning_rate: {choices: [0.1, 0.2]}}")
    named = search(table(), label="kind", space="dropout", trials=1)
    assert named.manifest.space["name"] == "dropout"
    for space in (tmp_path / "space.yaml", str(tmp_path / "space.yaml")):
        assert search(table(), label="kind", space=space).config().hidden_dims == (8,)
    read = SearchSpace.from_mapping({"parameters": {"epochs": 1, "hidden_dim": 4}})
    run = search(table(), label="kind", space=read, objective="f1_macro")
    assert run.config().hidden_dims == (4,)
    assert run.manifest.space["objective"] == "f1_macro"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"space": {"parametres": {}}}, SpaceError, "parametres"),
        ({"space": "no_such"}, SpaceError, "no space called"),
        ({"label": "kin"}, DataError, "Did you mean 'kind'"),
        ({"trials": 0}, UsageError, "`trials` must be"),
        ({"objective": "auc"}, UsageError, "`objective` must be one of accuracy"),
        ({"dataset": {"val_fraction": 2}}, DataError, "val_fraction must be"),
        ({"y": [1, 2]}, DataError, "found 2 for 200 rows"),
    ],
)
def test_what_cannot_be_used_is_said(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        search(table(), **{"label": None if "y" in given else "kind", **given})


@pytest.mark.parametrize("X", [np.array([["a", "b"]] * 9), np.zeros(9), "customers.csv", None])
def test_what_is_no_table_and_no_array_is_said(X: Any) -> None:
    with pytest.raises(DataError, match="X must be a table, or an array of numbers"):
        search(X, np.zeros(9))


def test_rows_and_classes_may_count_differently() -> None:
    rows, weights = table(), np.arange(200) % 4
    by_column = search(rows.append_column("w", pa.array(weights)), label="kind", weights="w", class_weight={"apple": 2})
    handed_over = search(rows, label="kind", weights=weights.tolist(), dataset={"class_weight": {"apple": 2}})
    by_space = search(rows, label="kind", weights=weights, space={**SPACE, "class_weight": {"apple": 2}})
    plain = search(rows, label="kind", weights=weights)
    losses = [run.trials["val_loss"].to_pylist() for run in (by_column, handed_over, by_space, plain)]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    assert by_column.manifest.dataset.fingerprint == handed_over.manifest.dataset.fingerprint
    assert by_column.manifest.space["class_weight"] == {"apple": 2.0}
    assert set(by_column.predict(rows)) == {"apple", "leaf"}
    balanced = search(rows, label="kind", class_weight="balanced", space={**SPACE, "class_weight": {"apple": 2}})
    assert balanced.manifest.space["class_weight"] == "balanced"


def test_a_regression_predicts_its_target(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 3))
    target = 1000 + 50 * rows[:, 0]
    space = {"parameters": {"epochs": 20, "learning_rate": 0.01, "update_rule": "adam"}}
    run = fcsearch.search(rows, target, space=space, trials=1, pool="inline", out=tmp_path / "run")
    assert run.best["objective"] == "rmse"
    predicted = run.predict(rows)
    assert predicted.shape == (400,)
    assert np.abs(predicted - target).mean() < 10 < np.abs(target - target.mean()).mean()
    with pytest.raises(UsageError, match="a regression has no classes"):
        run.predict_proba(rows)


def test_the_winner_over_seeds_is_what_predicts(tmp_path: Path) -> None:
    run = search(table(), label="kind", trials=4, confirm=3, out=tmp_path / "run")
    winner = chosen_trial(run.directory)
    assert run.chosen == winner
    expected = run.torch_module(winner).state_dict()
    assert all(torch.equal(found, expected[name]) for name, found in run.torch_module().state_dict().items())


def test_a_trial_may_be_the_mean_over_folds() -> None:
    rows = table(120)
    found = search(rows, label="kind", folds=3)
    again = search(rows, label="kind", dataset={"folds": 3})
    assert found.best["val_standard_error"] is not None
    assert found.best["val_accuracy"] == again.best["val_accuracy"]
    refit, kept = found.directory.models.load_refit(), found.load_model(found.chosen)
    assert all(torch.equal(found.load_model().params[name], weight) for name, weight in refit.params.items())
    assert not torch.equal(kept.params["W1"], refit.params["W1"])
    assert (found.predict_proba(rows) == again.predict_proba(rows)).all()
    module = found.torch_module(preprocessing=True)
    assert module(torch.tensor([[1.0, 1.0, 0.0]])).shape == (1, 2)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_space_may_say_the_task(task: str) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(80, 2)), random.integers(0, 3, 80)
    space = {"task": task, "parameters": {"epochs": 1, "hidden_dim": 4}}
    assert (search(X, y, space=space, trials=1).best["val_rmse"] is None) == (task == "classification")
    other = "regression" if task == "classification" else "classification"
    assert (search(X, y, space=space, trials=1, dataset={"task": other}).best["val_rmse"] is None) == (
        other == "classification"
    )


@pytest.mark.parametrize(
    ("X", "small"),
    [
        (np.zeros((3999, 2)), True),
        ([[1.0, 2.0], [3.0, 4.0]], True),
        (pa.table({"x": [1.0, 2.0], "kind": ["a", "b"]}), True),
        (np.zeros((40, 64)), True),
        (scipy.sparse.csr_matrix(np.eye(40)), True),
        (scipy.sparse.csr_matrix((40, 65)), False),
        (np.zeros((40, 65)), False),
        (pa.table({f"x{number}": [1.0, 2.0] for number in range(65)}), False),
        (np.zeros((4000, 2)), False),
        (np.zeros((9, 4), dtype=np.uint8), False),
        (np.zeros((9, 2, 2)), False),
        *(
            (pa.table({"x": pa.array([b"png"], kind)}), False)
            for kind in (pa.binary(), pa.large_binary(), pa.binary_view())
        ),
        (pa.table({"x": [[1.0, 2.0], [3.0, 4.0]]}), False),
        ([[1.0], [2.0, 3.0]], False),
        ("customers.csv", False),
    ],
)
def test_the_default_space_is_another_for_a_small_table(X: Any, small: bool) -> None:
    assert read_space(None, X).name == ("small" if small else "default")
    assert read_space("full", X).name == "full"


def test_folds_are_as_the_space_says_unless_the_call_or_the_dataset_says_it() -> None:
    rows, space = table(60), {**SPACE, "folds": 2}
    assert search(rows, label="kind", space=space, trials=1).manifest.dataset.spec["folds"] == 2
    for options in ({"folds": 1}, {"dataset": {"folds": 1}}):
        assert search(rows, label="kind", space=space, trials=1, **options).manifest.dataset.spec["folds"] is None
