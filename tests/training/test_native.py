"""The C kernels are optional: without a compiler the same training runs on torch operations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fcsearch.training.engine.native import kernels

CODE = """
import json, logging, torch
logging.basicConfig(level=logging.INFO)
torch.set_num_threads(1)
from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.engine.native import kernels
draw = torch.Generator().manual_seed(0)
X, y = torch.randn(300, 20, generator=draw), torch.randint(3, (300,), generator=draw)
data = TrainingData.from_arrays(X, y, X[:100], y[:100], num_classes=3)
config = TrialConfig(hidden_dims=(16, 16), update_rule="adam", dropout=0.3, learning_rate=0.01, epochs=5)
[result] = train_pack([config], data)
print(json.dumps([kernels(X.device, X.dtype) is not None, [e.val_loss for e in result.epochs]]))
"""


def train(cache: Path, **environment: str) -> tuple[bool, list[float], str]:
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", CODE], env=variables, capture_output=True, text=True, check=True)
    compiled, losses = json.loads(done.stdout)
    return compiled, losses, done.stderr


def test_training_does_without_a_compiler(tmp_path: Path) -> None:
    compiled, losses, log = train(tmp_path, CC="no-such-compiler")
    assert not compiled
    assert "cannot be compiled here" in log
    off = train(tmp_path, FCSEARCH_NATIVE="0")
    assert off[0] is False
    assert losses == off[1]
    assert not list(tmp_path.rglob("*.so"))


def test_the_kernels_are_compiled_once_and_agree(tmp_path: Path) -> None:
    if kernels(torch.device("cpu"), torch.float32) is None:
        pytest.skip("no C compiler on this machine")
    compiled, losses, _ = train(tmp_path)
    assert compiled
    [library] = tmp_path.rglob("*.so")
    written = library.stat().st_mtime_ns
    assert train(tmp_path)[1] == losses
    assert library.stat().st_mtime_ns == written
    assert losses == pytest.approx(train(tmp_path, FCSEARCH_NATIVE="0")[1], rel=1e-4)


def test_several_threads_do_without_the_kernels() -> None:
    torch.set_num_threads(2)
    assert kernels(torch.device("cpu"), torch.float32) is None
