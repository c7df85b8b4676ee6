"""Every form of export predicts what fcsearch predicts, for every kind of input, activation and ensemble."""

import io
import json

import numpy as np
import onnxruntime
import pytest
import torch

from fcsearch.api.torch_module import module_of
from fcsearch.data.encodings import Affine, Bins, Curve, Encoding, SmoothClip
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput
from fcsearch.errors import ConfigError, FcsearchError, UsageError
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exported import TOLERANCE, check
from fcsearch.inference.exporting import export_model
from fcsearch.inference.onnx_export import export_onnx
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.inference.sample import sample_rows
from fcsearch.inference.torch_export import export_torch
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.embedding import Embedding

CLASSES = ("no", "yes", "größer")


def number(name: str, offset: float = 3.0, scale: float = 2.0) -> NumberInput:
    return encoded(name, Affine((offset,), (scale,), divide=True))


def encoded(name: str, encoding: Encoding) -> NumberInput:
    return NumberInput(name, "number", (), encoding, fill=1.0)


JOB = CategoryInput("job", ("cook", "nurse", "smith"), "nurse")


INPUTS: dict[str, tuple[NumberInput | CategoryInput, ...]] = {
    "numbers and categories": (
        number("age"),
        JOB,
        number("height", 170, 9),
        CategoryInput("code", ("01", "1"), "1"),
    ),
    "numbers": (number("a"), number("b", 1e6, 1e3)),
    "categories": (CategoryInput("a", ("x", "y"), "x"), CategoryInput("b", ("",), "")),
    "a list beside a number": (
        NumberInput("many", "list", (3,), Affine((0.0, 1.0, 2.0), (1.0, 1.0, 1.0))),
        number("one"),
    ),
    "strange names": tuple(
        number(name) for name in ("label", "_label", "", "fcsearch/Gemm_0", "größe (cm)", "probabilities")
    ),
    "smooth clips": (encoded("a", SmoothClip((1.0,), (0.1,))), JOB, encoded("b", SmoothClip((0.0,), (1e3,)))),
    "curves": (
        encoded("a", Curve(((-1.0, 0.0, 4.0),), ((-2.0, 0.5, 1.0),))),
        JOB,
        encoded("b", Curve(((2.0,),), ((0.0,),))),
    ),
    "bins": (encoded("a", Bins(((0.0, 1.0, 4.0),))), JOB, encoded("b", Bins(((-1e5, 1e5),)))),
    "an array of smooth clips": (NumberInput(None, "array", (2,), SmoothClip((0.0, 1.0), (0.5, 9.0))),),
    "an array of curves": (NumberInput(None, "array", (2,), Curve(((0.0, 1.0), (2.0,)), ((-1.0, 1.0), (0.0,)))),),
    "an array of bins": (NumberInput(None, "array", (2,), Bins(((0.0, 0.5, 1.0), (-3.0, 3.0)))),),
    "an array": (NumberInput(None, "array", (4,), Affine((0.0,) * 4, (0.5,) * 4)),),
    "images": (NumberInput("image", "image", (3, 2, 3), Affine((9.0,) * 18, (1 / 255,) * 18), pixels=True),),
}


def predictor(
    inputs: tuple[NumberInput | CategoryInput, ...],
    *,
    weights: tuple[float, ...] = (1.0,),
    activation: str = "relu",
    temperature: float = 1.0,
) -> Predictor:
    dtype = "float32" if inputs[0].kind == "number" and inputs[0].source != "number" and len(inputs) == 1 else "float64"
    transform = FeatureTransform(inputs, dtype, CLASSES)
    networks = [
        FullyConnectedNet((7, 5), transform.width, 3, weight_scale="kaiming", seed=seed, activation=activation)
        for seed in range(len(weights))
    ]
    return Predictor(tuple(map(Member, weights, networks)), transform, temperature)


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=list(INPUTS))
def test_every_kind_of_input(inputs: tuple[NumberInput | CategoryInput, ...]) -> None:
    made = predictor(inputs)
    in_onnx, in_torch = export_onnx(made, {}), export_torch(made, {})
    for exported in (in_onnx, in_torch):
        assert exported.difference is not None
        assert exported.difference < TOLERANCE
    names = [item.name for item in in_onnx.inputs]
    assert len(set(names)) == len(names)
    session = onnxruntime.InferenceSession(in_onnx.content)
    assert [item.name for item in session.get_inputs()] == names
    assert [item.name for item in session.get_outputs()] == ["label", "probabilities"]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "selu"])
def test_every_activation_and_an_ensemble(activation: str) -> None:
    made = predictor(INPUTS["numbers and categories"], weights=(0.25, 0.75), activation=activation)
    X = made.transform.apply(sample_rows(made.transform))
    apart = [Predictor((Member(1.0, member.network),), made.transform).values(X) for member in made.members]
    np.testing.assert_allclose(made.values(X), 0.25 * apart[0] + 0.75 * apart[1], atol=1e-12)
    assert np.abs(apart[0] - apart[1]).max() > 0.1
    # Without the activation the figures are others: the check would not pass.
    bare = predictor(INPUTS["numbers and categories"], weights=(0.25, 0.75), activation="relu")
    assert activation == "relu" or np.abs(bare.values(X) - made.values(X)).max() > 1e-3
    for exported in (export_onnx(made, {}), export_torch(made, {})):
        assert exported.difference is not None
        assert exported.difference < TOLERANCE


@pytest.mark.parametrize("frequency_scale", [0.5, 30.0])
@pytest.mark.parametrize("inputs", ["numbers and categories", "an array"])
def test_embedded_numbers(inputs: str, frequency_scale: float) -> None:
    plain = predictor(INPUTS[inputs])
    sizes = Embedding(plain.transform.layout.numbers, frequencies=6, dim=4)
    network = FullyConnectedNet(
        (7, 5), plain.transform.width, 3, weight_scale="kaiming", seed=0, embedding=sizes,
        frequency_scale=frequency_scale, input_dropout=0.2,
    )  # fmt: skip
    made = Predictor((Member(1.0, network),), plain.transform)
    X = made.transform.apply(sample_rows(made.transform))
    # The frequencies matter: without them the check would pass whatever they are.
    still = {name: tensor * (name != "f0") for name, tensor in network.params.items()}
    still_made = Predictor((Member(1.0, FullyConnectedNet.from_params(still)),), plain.transform)
    assert np.abs(still_made.values(X) - made.values(X)).max() > 1e-3
    for exported in (export_onnx(made, {}), export_torch(made, {})):
        assert exported.difference is not None
        assert exported.difference < TOLERANCE
    scores = module_of(network)(torch.from_numpy(X)).detach()
    torch.testing.assert_close(scores, network.loss(torch.from_numpy(X)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("weights", [(1.0,), (0.25, 0.75)])
@pytest.mark.parametrize("temperature", [0.2, 5.0])
def test_a_temperature(weights: tuple[float, ...], temperature: float) -> None:
    plain = predictor(INPUTS["numbers and categories"], weights=weights)
    made = predictor(INPUTS["numbers and categories"], weights=weights, temperature=temperature)
    X = made.transform.apply(sample_rows(made.transform))
    np.testing.assert_array_equal(made.values(X).argmax(1), plain.values(X).argmax(1))
    logs = np.log(plain.values(X)) / temperature
    np.testing.assert_allclose(made.values(X), np.exp(logs) / np.exp(logs).sum(1, keepdims=True), rtol=1e-9)
    for exported in (export_onnx(made, {}), export_torch(made, {})):
        assert exported.difference is not None
        assert exported.difference < TOLERANCE


def test_the_check_finds_other_values_and_other_labels() -> None:
    made = predictor(INPUTS["numbers"])
    raw = sample_rows(made.transform)
    values = made.values(made.transform.apply(raw))
    labels = values.argmax(axis=1)
    assert check(made, raw, labels, values + 1e-6) == pytest.approx(1e-6, rel=1e-3)
    with pytest.raises(FcsearchError, match=r"to 1e-05; found a difference of 0\.0001"):
        check(made, raw, labels, values + 1e-4)
    with pytest.raises(FcsearchError, match="1 other labels in 200 rows"):
        check(made, raw, np.where(np.arange(200) == 3, (labels + 1) % 3, labels), values)
    with pytest.raises(FcsearchError, match="difference of nan"):
        check(made, raw, labels, values * np.nan)


def test_the_sample_has_gaps_and_every_category() -> None:
    raw = sample_rows(predictor(INPUTS["numbers and categories"]).transform)
    assert raw.shape == (200, 4)
    assert np.isnan(raw).any(axis=0).all()
    assert set(raw[:, 1][~np.isnan(raw[:, 1])]) == {-1, 0, 1, 2}


def test_a_program_says_where_nothing_was_exported() -> None:
    exported = export_torch(predictor(INPUTS["numbers"]), {"dataset": "abc"})
    for word in (b"module.py", b"fcsearch/inference", b"stack_trace", b"PredictorModule"):
        assert word not in exported.content
    about = {"fcsearch.classes": "", "fcsearch.dataset": ""}
    torch.export.load(io.BytesIO(exported.content), extra_files=about)
    assert json.loads(about["fcsearch.classes"]) == list(CLASSES)
    assert json.loads(about["fcsearch.dataset"]) == "abc"


def test_an_ensemble_is_no_safetensors_file_and_other_networks_are_refused() -> None:
    made = predictor(INPUTS["numbers"], weights=(0.5, 0.5))
    with pytest.raises(UsageError, match="holds one network; found 2"):
        export_model(Chosen("two", made, {}), "safetensors")
    regression = FullyConnectedNet((3,), 2, 1, loss="squared")
    with pytest.raises(ConfigError, match="an output for each of its 3 classes; found 1"):
        Predictor((Member(1.0, regression),), made.transform).output  # noqa: B018
