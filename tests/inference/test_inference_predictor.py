"""What a predictor makes of scores."""

import dataclasses

import numpy as np
import pytest
import torch
from synthetic_run import digits

from fcsearch.data.transform import TargetScale
from fcsearch.errors import UsageError
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exporting import export_model
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.nn import FullyConnectedNet


@pytest.fixture
def regression() -> Predictor:
    transform = dataclasses.replace(digits().transform, class_names=(), target=TargetScale(offset=10.0, scale=2.0))
    net = FullyConnectedNet([], input_dim=64, num_classes=1, loss="squared", seed=0)
    return Predictor((Member(1.0, net),), transform)


def test_a_regression_predicts_its_target_in_its_own_unit(regression: Predictor) -> None:
    X = np.ones((3, 64), np.float32)
    found = regression.table(X)
    assert found.column_names == ["prediction"]
    scores = regression.members[0].network.loss(torch.from_numpy(X)).numpy()[:, 0]
    np.testing.assert_allclose(found["prediction"].to_numpy(), 10 + 2 * scores, rtol=1e-6)


def test_a_regression_is_not_exported(regression: Predictor) -> None:
    with pytest.raises(UsageError, match="export takes classifiers; found trial 3 of houses, a regression"):
        export_model(Chosen("trial 3 of houses", regression, {}), "onnx")
