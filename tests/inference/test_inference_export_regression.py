"""Exported regressions predict what fcsearch predicts, in the unit of the label."""

import dataclasses
import io
import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from fcsearch.data.encodings import Affine
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput, TargetScale
from fcsearch.errors import FcsearchError
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exported import TOLERANCE, check
from fcsearch.inference.exporting import export_model
from fcsearch.inference.onnx_export import export_onnx
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.inference.sample import sample_rows
from fcsearch.inference.torch_export import export_torch
from fcsearch.nn import FullyConnectedNet

TARGET = TargetScale(5000.0, 361.0)


def number(name: str) -> NumberInput:
    return NumberInput(name, "number", (), Affine((3.0,), (2.0,), divide=True), fill=1.0)


COLUMNS = (number("age"), CategoryInput("job", ("cook", "nurse"), "nurse"), number("prediction"), number("label"))
ARRAY = (NumberInput(None, "array", (4,), Affine((0.0,) * 4, (0.5,) * 4)),)


def predictor(
    inputs: tuple[NumberInput | CategoryInput, ...] = COLUMNS,
    *,
    target: TargetScale = TARGET,
    weights: tuple[float, ...] = (1.0,),
    loss: str = "squared",
) -> Predictor:
    transform = FeatureTransform(inputs, "float64" if inputs is COLUMNS else "float32", (), target=target)
    networks = [
        FullyConnectedNet((7, 5), transform.width, 1, weight_scale="kaiming", seed=seed, loss=loss)
        for seed in range(len(weights))
    ]
    return Predictor(tuple(map(Member, weights, networks)), transform)


CASES = {
    "one network": predictor(),
    "an array": predictor(ARRAY),
    "an ensemble": predictor(weights=(0.25, 0.75)),
    "huber": predictor(loss="huber"),
    # What float32 could not tell apart.
    "far from 0": predictor(target=TargetScale(1.6e9, 30.0)),
    "tiny": predictor(target=TargetScale(1e-7, 1e-9)),
}


@pytest.mark.parametrize("made", CASES.values(), ids=list(CASES))
def test_the_forms_predict_in_the_unit_of_the_label(made: Predictor) -> None:
    in_onnx, in_torch = export_onnx(made, {}), export_torch(made, {})
    raw = sample_rows(made.transform)
    wanted = made.values(made.transform.apply(raw))[:, 0]
    scale = made.transform.target.scale  # type: ignore[union-attr]
    assert wanted.std() > 0.1 * scale
    found = torch.export.load(io.BytesIO(in_torch.content)).module()(torch.from_numpy(raw))
    assert list(found) == ["prediction"]
    assert found["prediction"].dtype == torch.float64
    np.testing.assert_allclose(found["prediction"].numpy(), wanted, rtol=0, atol=3e-5 * scale)
    session = onnxruntime.InferenceSession(in_onnx.content)
    assert [(item.name, item.type) for item in session.get_outputs()] == [("prediction", "tensor(double)")]
    for exported in (in_onnx, in_torch):
        assert exported.difference is not None
        assert exported.difference < TOLERANCE


def test_columns_called_like_an_output_have_another_name() -> None:
    names = [item.name for item in export_onnx(predictor(), {}).inputs]
    assert names == ["age", "job", "_prediction", "label"]


def test_the_check_finds_other_predictions() -> None:
    made = predictor()
    raw = sample_rows(made.transform)
    values = made.values(made.transform.apply(raw))
    deviation = 361.0
    assert check(made, raw, None, values + 1e-7 * deviation) < TOLERANCE
    for wrong in (values + 1e-2 * deviation, (values - 5000) / deviation, values * np.nan, -values):
        with pytest.raises(
            FcsearchError, match=r"to 1e-05; found a difference of \S+ in 200 rows. Nothing was written"
        ):
            check(made, raw, None, wrong)


def test_the_scale_of_the_target_is_inside_every_file() -> None:
    made = predictor()
    wanted = dataclasses.asdict(made.transform.target)  # type: ignore[arg-type]
    about: dict[str, Any] = {"fcsearch.transform": "", "fcsearch.classes": "none"}
    torch.export.load(io.BytesIO(export_torch(made, {}).content), extra_files=about)
    assert json.loads(about["fcsearch.transform"])["target"] == wanted
    properties = onnxruntime.InferenceSession(export_onnx(made, {}).content).get_modelmeta().custom_metadata_map
    assert json.loads(properties["fcsearch.transform"])["target"] == wanted
    assert "fcsearch.classes" not in properties
    content = export_model(Chosen("trial 3 of houses", made, {}), "safetensors").content
    assert f"{wanted['offset']}".encode() in content
