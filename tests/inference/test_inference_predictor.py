"""What a predictor makes of scores."""

import dataclasses

import numpy as np
import pytest
import torch
from synthetic_run import digits

from fcsearch.data.transform import TargetScale
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.embedding import Embedding
from fcsearch.training.judging import scores_of

NET = FullyConnectedNet([], input_dim=64, num_classes=1, loss="squared", seed=0)


@pytest.fixture
def regression() -> Predictor:
    transform = dataclasses.replace(digits().transform, class_names=(), target=TargetScale(offset=10.0, scale=2.0))
    return Predictor((Member(1.0, NET),), transform)


def test_a_regression_predicts_its_target_in_its_own_unit(regression: Predictor) -> None:
    X = np.ones((3, 64), np.float32)
    found = regression.table(X)
    assert found.column_names == ["prediction"]
    scores = regression.members[0].network.loss(torch.from_numpy(X)).numpy()[:, 0]
    np.testing.assert_allclose(found["prediction"].to_numpy(), 10 + 2 * scores, rtol=1e-6)


def test_several_regressions_predict_the_mean_of_their_predictions(regression: Predictor) -> None:
    X = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    other = FullyConnectedNet([], input_dim=64, num_classes=1, loss="absolute", seed=1)
    first, second = (Predictor((Member(1.0, net),), regression.transform).values(X) for net in (NET, other))
    both = Predictor((Member(0.25, NET), Member(0.75, other)), regression.transform)
    np.testing.assert_allclose(both.values(X), 0.25 * first + 0.75 * second)


def test_a_network_that_makes_much_of_a_row_scores_few_rows_at_a_time(
    regression: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    frequencies = 4096
    wide = FullyConnectedNet([], 64, 1, loss="squared", seed=0, embedding=Embedding(64, frequencies, 1))
    scored: list[int] = []
    loss = FullyConnectedNet.loss

    def counted(net: FullyConnectedNet, X: torch.Tensor) -> torch.Tensor:
        scored.append(len(X))
        return loss(net, X)

    monkeypatch.setattr(FullyConnectedNet, "loss", counted)
    X = np.ones((70, 64), np.float32)
    both = Predictor((Member(0.5, NET), Member(0.5, wide)), regression.transform)
    assert len(both.values(X)) == len(scores_of(wide, torch.from_numpy(X))) == 70
    assert sum(scored) == 3 * 70
    assert max(scored) * 2 * 64 * frequencies * 4 <= 2**26
    scored.clear()
    scores_of(NET, torch.zeros(4097, 64))
    assert scored == [4096, 1]
