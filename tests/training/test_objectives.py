"""The figures that a search can go by, held to scikit-learn's."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as metrics
import torch

from fcsearch.config.objective import OBJECTIVES
from fcsearch.training.objectives import FIGURES, Truth

MEMBERS, ROWS = 3, 200


def softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Summed in the layout of the code under test: rounding decides which equal scores stay equal.
    return torch.softmax(torch.from_numpy(scores).mT.contiguous().unsqueeze(0), 1)[0].mT.numpy()


def expected(name: str, y: Any, scores: Any, positive: int) -> float:
    """scikit-learn's figure of labels (V,) and the scores (V, C) of one member."""
    binary = scores.shape[1] == 2
    margin = scores[:, positive] - scores[:, 1 - positive] if binary else None
    if name == "roc_auc":
        if binary:
            return float(metrics.roc_auc_score(y == positive, margin))
        return float(metrics.roc_auc_score(y, softmax(scores), multi_class="ovr"))
    if name == "average_precision":
        if binary:
            return float(metrics.average_precision_score(y == positive, margin))
        return float(metrics.average_precision_score(np.eye(scores.shape[1])[y], softmax(scores)))
    if name == "log_loss":
        return float(metrics.log_loss(y, softmax(scores)))
    if name == "f1_macro":
        return float(metrics.f1_score(y, scores.argmax(1), average="macro"))
    return float(getattr(metrics, f"{name}_score")(y, scores.argmax(1)))


CLASSIFICATION = [name for name, objective in OBJECTIVES.items() if objective.task == "classification"]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (2, 0), (4, 1)])
@pytest.mark.parametrize("name", CLASSIFICATION)
def test_figures_of_classes_are_those_of_scikit_learn(name: str, classes: int, positive: int, ties: bool) -> None:
    rng = np.random.default_rng(classes)
    y = rng.choice(classes, ROWS, p=[0.1, *[0.9 / (classes - 1)] * (classes - 1)])
    scores = rng.normal(size=(MEMBERS, ROWS, classes)) + 1.5 * np.eye(classes)[y]
    if ties:
        scores = scores.round(0)
    truth = Truth(torch.from_numpy(y), classes, positive)
    found = FIGURES[name](torch.from_numpy(scores).mT.contiguous(), truth)
    assert found.tolist() == pytest.approx([expected(name, y, member, positive) for member in scores], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "peer"),
    [("rmse", metrics.root_mean_squared_error), ("mae", metrics.mean_absolute_error), ("r2", metrics.r2_score)],
)
def test_figures_of_errors_are_those_of_scikit_learn_in_the_unit_of_the_target(name: str, peer: Any) -> None:
    rng = np.random.default_rng(0)
    y, scores = rng.normal(size=ROWS), rng.normal(size=(MEMBERS, ROWS))
    found = FIGURES[name](torch.from_numpy(scores).unsqueeze(1), Truth(torch.from_numpy(y), 0, scale=12.5))
    peers = [peer(3 + 12.5 * y, 3 + 12.5 * member) for member in scores]
    assert found.tolist() == pytest.approx(peers, rel=1e-9)


def test_a_class_without_rows_is_left_out() -> None:
    y = torch.tensor([0, 0, 1, 1])
    scores = torch.tensor([[[3.0, 1, 0, 1], [0, 2, 2, 2], [1, 0, 0, 0]]])
    truth = Truth(y, 3)
    assert FIGURES["balanced_accuracy"](scores, truth).item() == pytest.approx(0.75)
    assert 0 < FIGURES["roc_auc"](scores, truth).item() <= 1


def test_every_objective_has_its_figure() -> None:
    assert list(FIGURES) == list(OBJECTIVES)
