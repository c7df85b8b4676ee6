"""Which model of a run predicts in a program: as the commands have it."""

import numpy as np
import pandas as pd
import pytest
import torch

import fcsearch
from fcsearch.data.sources.in_memory import match_memory
from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.selection import load_members

SPACE = {
    "parameters": {"epochs": 2, "learning_rate": {"low": 0.01, "high": 0.1}, "hidden_dim": 8},
    "sampler": "random",
}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(90, 3))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def test_a_model_of_the_run_is_chosen_by_name_or_number(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    run = fcsearch.search(X, y, space=SPACE, trials=4, pool="inline", confirm=2)
    with run.directory.writing():
        facts = {name: value for name, value in run.directory.models.ensemble_facts().items() if name != "members"}
        trials = run.directory.models.saved()[:2]
        run.directory.models.save_ensemble({trials[0]: 0.25, trials[1]: 0.75}, facts)
    assert (run.predict(X, model="confirmed") == run.predict(X)).all()
    for choice in ("best", "confirmed", "ensemble", trials[1], str(trials[0])):
        members = load_members(run.directory, str(choice))
        features = torch.from_numpy(match_memory(run.model.transform, X).X)
        apart = [m.weight * torch.softmax(m.net.loss(features).double(), 1).numpy() for m in members]
        found = run.predict_proba(X, model=choice)
        assert found.argmax(1).tolist() == sum(apart[1:], apart[0]).argmax(1).tolist()
        assert (run.predict(X, model=choice) == found.argmax(1)).all()
    with pytest.raises(UsageError, match="ensemble"):
        run.predict(X, model="ensembel")
    with pytest.raises(RunError, match="must have a refit"):
        run.predict(X, model="refit")
    with pytest.raises(RunError, match="found 99"):
        run.predict(X, model=99)


@pytest.mark.parametrize("said", [{"task": "regression"}, {"dataset": {"source": "digits", "task": "regression"}}])
def test_the_task_of_the_space_holds(rows: tuple[np.ndarray, np.ndarray], said: dict[str, object]) -> None:
    run = fcsearch.search(*rows, space={**SPACE, **said}, trials=1, pool="inline", confirm=0)
    assert run.best["val_rmse"] is not None


def test_a_column_that_pandas_made_of_an_index_is_left_out(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    numbered = pd.concat([pd.DataFrame({"Unnamed: 0": range(len(X))}), frame], axis=1)
    run = fcsearch.search(numbered, y, space=SPACE, trials=1, pool="inline", confirm=0)
    assert [column.name for column in run.model.transform.inputs] == ["a", "b", "c"]
    assert (run.predict(numbered) == run.predict(frame)).all()


def test_a_path_is_no_table() -> None:
    with pytest.raises(DataError, match=r"found the text 'rows.csv'. Read a file first"):
        fcsearch.search("rows.csv", label="y", trials=1)
