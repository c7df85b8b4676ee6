"""Ensembles from predictions that are there."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.metrics import average_precision_score

from fcsearch.config.objective import OBJECTIVES
from fcsearch.results.predictions import Predicted
from fcsearch.selection.ensemble import select_ensemble
from fcsearch.training.judging import Judge

CLASSES, ROWS = 4, 300


def noisy(seed: int, y: npt.NDArray[np.int64], noise: float) -> Predicted:
    """Probabilities that lean to the right class, with errors of their own."""
    scores = np.eye(CLASSES)[y] + np.random.default_rng(seed).normal(0, noise, (len(y), CLASSES))
    return torch.softmax(torch.from_numpy(2 * scores), 1).half().numpy()


@pytest.fixture
def labels() -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, CLASSES, ROWS)


def value(predictions: dict[int, Predicted], weights: dict[int, float], y: npt.NDArray[np.int64]) -> float:
    mean = sum(weight * predictions[trial].astype(np.float32) for trial, weight in weights.items())
    return float((np.asarray(mean).argmax(1) == y).mean())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_it_is_never_worse_than_the_best_network_on_the_rows_that_choose(
    labels: npt.NDArray[np.int64], seed: int, count: int
) -> None:
    random = np.random.default_rng(seed)
    predictions = {10 * n: noisy(100 * seed + n, labels, random.uniform(0.4, 3.0)) for n in range(count)}
    weights = select_ensemble(predictions, Judge(OBJECTIVES["accuracy"], labels, num_classes=CLASSES))
    assert sum(weights.values()) == pytest.approx(1)
    assert len(weights) <= 10
    assert set(weights) <= set(predictions)
    assert value(predictions, weights, labels) >= max(value(predictions, {t: 1.0}, labels) for t in predictions)


def test_networks_that_err_elsewhere_are_better_together(labels: npt.NDArray[np.int64]) -> None:
    predictions = {trial: noisy(trial, labels, 0.9) for trial in range(20)}
    judge = Judge(OBJECTIVES["accuracy"], labels, num_classes=CLASSES)
    weights = select_ensemble(predictions, judge)
    others = np.random.default_rng(9).integers(0, CLASSES, 4000)
    unseen = {trial: noisy(1000 + trial, others, 0.9) for trial in range(20)}
    alone = np.mean([value(unseen, {trial: 1.0}, others) for trial in range(20)])
    assert len(weights) > 1
    assert value(unseen, weights, others) > alone + 0.05
    assert list(weights.values()) == sorted(weights.values(), reverse=True)


def test_the_same_predictions_give_the_same_ensemble(labels: npt.NDArray[np.int64]) -> None:
    predictions = {trial: noisy(trial, labels, 0.9) for trial in range(9)}
    judge = Judge(OBJECTIVES["accuracy"], labels, num_classes=CLASSES)
    backwards = dict(reversed(predictions.items()))
    assert list(select_ensemble(predictions, judge).items()) == list(select_ensemble(backwards, judge).items())


def test_without_candidates_there_is_none(labels: npt.NDArray[np.int64]) -> None:
    assert select_ensemble({}, Judge(OBJECTIVES["accuracy"], labels, num_classes=CLASSES)) == {}


def test_average_precision_is_that_of_the_class_that_is_to_be_found() -> None:
    """A network that finds the rare class 0 well, and one that ranks the common one a little better by chance."""
    random = np.random.default_rng(0)
    y = (random.random(400) > 0.05).astype(np.int64)
    shares = {n: np.clip(y * 0.3 + random.random(400) * (0.4 + 0.1 * n), 0.01, 0.99) for n in range(4)}
    predictions = {n: np.stack([1 - share, share], 1).astype(np.float16) for n, share in shares.items()}
    for positive in (0, 1):
        judge = Judge(OBJECTIVES["average_precision"], y, num_classes=2, positive=positive)
        stacked = torch.stack([torch.from_numpy(p.T.astype(np.float32)) for p in predictions.values()])
        wanted = [average_precision_score(y == positive, p[:, positive].astype(float)) for p in predictions.values()]
        assert judge.value(stacked).tolist() == pytest.approx(wanted, abs=0.02)


def test_a_judge_speaks_in_the_unit_of_the_target() -> None:
    y = np.array([0.0, 1.0, 2.0])
    judge = Judge(OBJECTIVES["mae"], y, num_classes=0, scale=10.0)
    predicted = torch.from_numpy(y + 0.5).reshape(1, 1, 3)
    assert judge.value(predicted).tolist() == pytest.approx([5.0])
    assert judge.gain(predicted) == [(pytest.approx(-5.0), pytest.approx(-5.0))]


def test_a_regression_is_judged_by_its_errors() -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=400)
    predictions = {n: (y + random.normal(0, 0.5, 400)).reshape(-1, 1).astype(np.float16) for n in range(8)}
    judge = Judge(OBJECTIVES["rmse"], y, num_classes=0)
    weights = select_ensemble(predictions, judge)
    mean = sum(weight * predictions[n][:, 0].astype(float) for n, weight in weights.items())
    best = min(float(np.sqrt(np.mean((p[:, 0] - y) ** 2))) for p in predictions.values())
    assert float(np.sqrt(np.mean((mean - y) ** 2))) < 0.7 * best
