"""A predictor as an ONNX graph: the preprocessing, the networks, and the predictions from their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from fcsearch.data.joint_transform import parts_of
from fcsearch.data.layout import SMOOTH_BOUND, Curves, Ramps, Scaling
from fcsearch.data.transform import CategoryInput, FeatureTransform, TargetScale
from fcsearch.inference.exported import ARRAY, LABEL, PROBABILITIES, output_names, raw_kind, shape_of
from fcsearch.inference.outputs import PREDICTION
from fcsearch.inference.predictor import Predictor
from fcsearch.nn import FullyConnectedNet
from fcsearch.nn.activations import SELU, LeakyReLU
from fcsearch.nn.embedding import EMBEDDING_NAMES

# From 2021 to 2022: supported by the runtimes in use.
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
_ROWS = "rows"
# The prefix of names of values inside the graph; no column's name begins so.
_INTERNAL = "fcsearch/"
_TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}


class Graph:
    """Nodes and constants, as they are added; every method returns the name of a value."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        """Add an operator of the default domain, or one of ai.onnx.ml if `domain` says so."""
        name = out or f"{_INTERNAL}{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Add a constant."""
        name = f"{_INTERNAL}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def input_names(transform: FeatureTransform) -> tuple[str, ...]:
    """The names of the model's inputs: those of the columns, unless empty or equal to the name of an output."""
    if transform.array is not None:
        return (ARRAY,)
    names: list[str] = []
    for item in transform.inputs:
        names.append(_free_name(item.title or "unnamed", [*output_names(transform), *names]))
    return tuple(names)


def build_model(predictor: Predictor, described: dict[str, str]) -> onnx.ModelProto:
    """The model: an input for each column (rows x 1: numbers, or texts of categories), or one array."""
    transform, graph = predictor.transform, Graph()
    names = input_names(transform)
    features = [
        _array_features(graph, part) if part.array else _column_features(graph, part, names)
        for part in parts_of(transform)
    ]
    scores = [(_scores(graph, member.network, features[member.part]), member.weight) for member in predictor.members]
    if transform.target is None:
        outputs = _classes(graph, scores, transform.class_names, predictor.temperature)
    else:
        outputs = _target(graph, scores, transform.target)
    kind = _TYPES[raw_kind(transform)]
    inputs = [
        helper.make_tensor_value_info(
            name, TensorProto.STRING if item.kind == "category" else kind, [_ROWS, *shape_of(item)]
        )
        for name, item in zip(names, transform.inputs, strict=True)
    ]
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fcsearch", inputs, outputs, graph.constants),
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="fcsearch",
    )
    helper.set_model_props(model, described)
    return model


def _array_features(graph: Graph, transform: FeatureTransform) -> str:
    return _numbers(graph, transform, graph.add("Flatten", ARRAY, axis=1))


def _column_features(graph: Graph, transform: FeatureTransform, names: Sequence[str]) -> str:
    numbers = [name for name, item in zip(names, transform.inputs, strict=True) if item.kind == "number"]
    parts = [_numbers(graph, transform, graph.add("Concat", *numbers, axis=1))] if numbers else []
    parts += [
        _one_hot(graph, item, name)
        for name, item in zip(names, transform.inputs, strict=True)
        if item.kind == "category"
    ]
    return graph.add("Concat", *parts, axis=1)


def _numbers(graph: Graph, transform: FeatureTransform, raw: str) -> str:
    """The features of numbers (N, R), float32: gaps filled, then encoded as `data.layout` does."""
    layout = transform.layout
    values = raw if raw_kind(transform) != "uint8" else graph.add("Cast", raw, to=_TYPES[transform.dtype])
    if layout.fill is not None:
        values = graph.add("Where", graph.add("IsNaN", values), graph.constant(layout.fill), values)
    match layout.encoder:
        case Scaling() as scaling:
            values = _scaled(graph, scaling, values)
        case Ramps(source, low, high):
            values = graph.add("Gather", _double(graph, values), graph.constant(source), axis=1)
            values = _ramps(graph, values, low, high)
        case Curves() as curves:
            low, high, rise = curves.pieces
            values = graph.add("Unsqueeze", _double(graph, values), graph.constant(np.array([2])))
            values = graph.add("Mul", _ramps(graph, values, low, high), graph.constant(rise))
            values = graph.add("ReduceSum", values, graph.constant(np.array([2])), keepdims=0)
            values = graph.add("Add", values, graph.constant(curves.base))
    return graph.add("Cast", values, to=TensorProto.FLOAT)


def _scaled(graph: Graph, scaling: Scaling, values: str) -> str:
    values = graph.add("Sub", values, graph.constant(scaling.offset))
    if scaling.divisor is not None:
        values = graph.add("Div", values, graph.constant(scaling.divisor))
    values = graph.add("Mul", values, graph.constant(scaling.factor))
    if scaling.limit is None:
        return values
    low, high, one, limit = (
        graph.constant(np.array(value, scaling.offset.dtype))
        for value in (-SMOOTH_BOUND, SMOOTH_BOUND, 1, scaling.limit)
    )
    values = graph.add("Clip", values, low, high)
    part = graph.add("Div", values, limit)
    return graph.add("Div", values, graph.add("Sqrt", graph.add("Add", graph.add("Mul", part, part), one)))


def _double(graph: Graph, values: str) -> str:
    return graph.add("Cast", values, to=TensorProto.DOUBLE)


def _ramps(graph: Graph, values: str, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> str:
    """From 0 at `low` to 1 at `high`."""
    start = graph.constant(low)
    inside = graph.add("Min", graph.add("Max", values, start), graph.constant(high))
    return graph.add("Div", graph.add("Sub", inside, start), graph.constant(high - low))


def _one_hot(graph: Graph, item: CategoryInput, name: str) -> str:
    """(N, categories) float32: 1 at the text's category, that of the fill for an empty text; else 0."""
    places = {"": item.categories.index(item.fill), **{text: place for place, text in enumerate(item.categories)}}
    codes = graph.add(
        "LabelEncoder",
        name,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=-1,
    )
    known = graph.constant(np.arange(len(item.categories), dtype=np.int64)[None])
    return graph.add("Cast", graph.add("Equal", codes, known), to=TensorProto.FLOAT)


def _classes(
    graph: Graph, scores: Sequence[tuple[str, float]], names: Sequence[str], temperature: float
) -> list[onnx.ValueInfoProto]:
    """From the networks' scores and weights to the class, and the mean of probabilities at a temperature; float32."""
    dtype: type[np.floating[Any]] = np.float32
    if temperature != 1:
        # Probabilities near 0, divided by a temperature, need more range than float32 has.
        dtype = np.float64
        scores = [(graph.add("Cast", values, to=TensorProto.DOUBLE), weight) for values, weight in scores]
    parts = [_weighted(graph, graph.add("Softmax", values, axis=1), weight, dtype) for values, weight in scores]
    # The last node gives the output its name.
    if temperature == 1:
        graph.add("Sum", *parts, out=PROBABILITIES)
    else:
        factor = graph.constant(np.array(1 / temperature))
        logs = graph.add("Mul", graph.add("Log", graph.add("Sum", *parts)), factor)
        graph.add("Cast", graph.add("Softmax", logs, axis=1), to=TensorProto.FLOAT, out=PROBABILITIES)
    place = graph.add("ArgMax", PROBABILITIES, axis=1, keepdims=0)
    graph.add("Gather", graph.constant(np.array(names, dtype=object)), place, axis=0, out=LABEL)
    return [
        helper.make_tensor_value_info(LABEL, TensorProto.STRING, [_ROWS]),
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [_ROWS, len(names)]),
    ]


def _target(graph: Graph, scores: Sequence[tuple[str, float]], target: TargetScale) -> list[onnx.ValueInfoProto]:
    """From the networks' scores and weights to the mean of predictions in the target's own unit; float64."""
    exact = [(graph.add("Cast", values, to=TensorProto.DOUBLE), weight) for values, weight in scores]
    mean = graph.add("Sum", *(_weighted(graph, values, weight, np.float64) for values, weight in exact))
    scaled = graph.add("Mul", mean, graph.constant(np.array(target.scale)))
    column = graph.add("Add", scaled, graph.constant(np.array(target.offset)))
    graph.add("Squeeze", column, graph.constant(np.array([1])), out=PREDICTION)
    return [helper.make_tensor_value_info(PREDICTION, TensorProto.DOUBLE, [_ROWS])]


def _weighted(graph: Graph, values: str, weight: float, dtype: type[np.floating[Any]]) -> str:
    return values if weight == 1 else graph.add("Mul", values, graph.constant(np.array(weight, dtype=dtype)))


def _scores(graph: Graph, network: FullyConnectedNet, features: str) -> str:
    """(N, C) float32: a network's scores."""
    hidden = features if network.embedding is None else _embedded(graph, network, features)
    for layer in range(1, network.depth + 1):
        W, b = (graph.constant(network.params[f"{kind}{layer}"].numpy()) for kind in "Wb")
        hidden = graph.add("Gemm", hidden, W, b)
        if layer < network.depth:
            hidden = _activate(graph, network.activation, hidden)
    return hidden


def _embedded(graph: Graph, network: FullyConnectedNet, features: str) -> str:
    """Features (N, D) with the numbers among them embedded, as `fcsearch.nn.embedding` does; float32."""
    f, w, b = (network.params[name].numpy() for name in EMBEDDING_NAMES)
    zero, numbers, end, last = (graph.constant(np.array([place])) for place in (0, len(f), network.input_dim, 2))
    one = graph.constant(np.array([1]))
    x = graph.add("Unsqueeze", graph.add("Slice", features, zero, numbers, one), last)
    # In the order of fcsearch.nn: rounded in another one, the phases of high frequencies would be others.
    phases = graph.add(
        "Mul", graph.add("Mul", x, graph.constant(np.array(2 * np.pi, dtype=np.float32))), graph.constant(f)
    )
    waves = graph.add("Concat", graph.add("Cos", phases), graph.add("Sin", phases), axis=2)
    # (N, P, 1, 2 K) by (P, 2 K, E): a product for each number.
    products = graph.add("MatMul", graph.add("Unsqueeze", waves, last), graph.constant(w))
    hidden = graph.add("Relu", graph.add("Add", graph.add("Squeeze", products, last), graph.constant(b)))
    others = graph.add("Slice", features, numbers, end, one)
    return graph.add("Concat", graph.add("Flatten", hidden, axis=1), others, axis=1)


def _activate(graph: Graph, activation: str, x: str) -> str:
    if activation == "relu":
        return graph.add("Relu", x)
    if activation == "leaky_relu":
        return graph.add("LeakyRelu", x, alpha=LeakyReLU.SLOPE)
    if activation == "selu":
        return graph.add("Selu", x, alpha=SELU.ALPHA, gamma=SELU.SCALE)
    # GELU has an operator of its own from opset 20 on.
    root, one, half = (graph.constant(np.array(value, dtype=np.float32)) for value in (2**-0.5, 1, 0.5))
    phi = graph.add("Add", graph.add("Erf", graph.add("Mul", x, root)), one)
    return graph.add("Mul", graph.add("Mul", x, phi), half)


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken or name.startswith(_INTERNAL):
        name = f"_{name}"
    return name
