"""Networks on disk."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from small_nets import labels, rows, small_net

from fcsearch.errors import ConfigError
from fcsearch.nn import FullyConnectedNet, TwoLayerNet


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_save_and_load(dtype: torch.dtype, tmp_path: Path) -> None:
    later = {"input_dropout": 0.125, "label_smoothing": 0.1}
    net = small_net([7, 6], dropout=0.25, reg=0.5, loss="svm", seed=9, dtype=dtype, **later)
    net.save(tmp_path / "net.safetensors")
    read = FullyConnectedNet.load(str(tmp_path / "net.safetensors"))
    assert list(read.params) == list(net.params)
    assert all(torch.equal(read.params[name], net.params[name]) for name in net.params)
    assert (read.dtype, read.dropout, read.reg, read.loss_name, read.dropout_seed) == (dtype, 0.25, 0.5, "svm", 9)
    assert {name: getattr(read, name) for name in later} == later
    X, y = rows(9, 12), labels(9)
    assert read.loss(X, y)[0] == net.loss(X, y)[0]
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_file_of_before_input_dropout_and_label_smoothing_is_read(tmp_path: Path) -> None:
    settings = json.dumps({"dropout": 0.1, "reg": 0.5, "seed": None, "loss": "svm"})
    save_file(small_net([7]).params, tmp_path / "old", {"fcsearch.network": settings})
    read = FullyConnectedNet.load(tmp_path / "old")
    assert (read.dropout, read.reg, read.loss_name) == (0.1, 0.5, "svm")
    assert (read.input_dropout, read.label_smoothing) == (0.0, 0.0)


def test_a_two_layer_net_loads_as_one_and_a_deep_net_does_not(tmp_path: Path) -> None:
    TwoLayerNet(input_dim=12, hidden_dim=7, num_classes=5, seed=0).save(tmp_path / "two")
    assert isinstance(TwoLayerNet.load(tmp_path / "two"), TwoLayerNet)
    assert FullyConnectedNet.load(tmp_path / "two").hidden_dims == (7,)
    small_net([7, 6]).save(tmp_path / "deep")
    with pytest.raises(ConfigError, match="a TwoLayerNet must have W1, b1, W2 and b2; found W1, W2, W3, b1, b2, b3"):
        TwoLayerNet.load(tmp_path / "deep")


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a file that can be written"):
        small_net([7]).save(tmp_path / "nowhere" / "net")
    (tmp_path / "net").mkdir()
    with pytest.raises(ConfigError, match="must be a file that can be written"):
        small_net([7]).save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == [tmp_path / "net"]


def test_files_that_hold_no_network_are_refused(tmp_path: Path) -> None:
    net = small_net([7])
    with pytest.raises(ConfigError, match="must be a safetensors file that fcsearch wrote"):
        FullyConnectedNet.load(tmp_path / "missing")
    (tmp_path / "text").write_text("no tensors here")
    with pytest.raises(ConfigError, match="must be a safetensors file that fcsearch wrote"):
        FullyConnectedNet.load(tmp_path / "text")
    save_file(net.params, tmp_path / "bare")
    with pytest.raises(ConfigError, match="must hold the settings of a network"):
        FullyConnectedNet.load(tmp_path / "bare")
    save_file(net.params, tmp_path / "torn", {"fcsearch.network": '{"dropout": 0.1'})
    with pytest.raises(ConfigError, match="must hold the settings of a network"):
        FullyConnectedNet.load(tmp_path / "torn")
    settings = json.dumps({"dropout": 0.1, "reg": 0, "seed": None, "loss": "softmax"})
    save_file({"W1": net.params["W1"]}, tmp_path / "half", {"fcsearch.network": settings})
    with pytest.raises(ConfigError, match="params must be W1"):
        FullyConnectedNet.load(tmp_path / "half")
