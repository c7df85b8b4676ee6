"""A pack on disk goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from varied_packs import VARIED, Digits, assert_equal_to

from fcsearch.errors import ConfigError
from fcsearch.nn.storage import load_tensors, save_tensors
from fcsearch.training import Pack, TrialConfig, train_pack

# Its validation accuracy is highest in epoch 10, lower after it, and as high again later.
UNSTEADY = TrialConfig(hidden_dims=(20,), learning_rate=0.7, epochs=20)


def test_a_checkpoint_of_before_these_parameters_is_read(digits: Digits, tmp_path: Path) -> None:
    data = digits(torch.float32)
    config = TrialConfig(hidden_dims=(20,), learning_rate=0.05, epochs=3)
    pack = Pack([config, dataclasses.replace(config, epochs=1)], data)
    pack.train_epoch()
    pack.save(tmp_path / "pack")
    tensors, metadata = load_tensors(tmp_path / "pack")
    state = json.loads(metadata["fcsearch.pack"])
    saved = [*state["configs"], *(result["config"] for result in state["results"].values())]
    assert len(saved) == 3
    for values in saved:
        for name in ("input_dropout", "weight_decay", "lr_schedule", "label_smoothing"):
            del values[name]
    save_tensors(tmp_path / "old", tensors, {"fcsearch.pack": json.dumps(state)})
    old = Pack.load(tmp_path / "old", data)
    while old.alive:
        old.train_epoch()
    assert_equal_to(old.results()[0], train_pack([config], data)[0], 0.0)


RESUME = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from fcsearch.training import Pack, TrainingData
data = TrainingData(**load_file(sys.argv[1]), num_classes=10)
pack = Pack.load(Path(sys.argv[2]), data)
while pack.alive:
    pack.train_epoch()
results = pack.results()
save_file({f"{i}.{n}": w for i, r in enumerate(results) for n, w in r.weights.items()}, sys.argv[3])
print(json.dumps([[r.state, r.best_epoch, len(r.epochs)] for r in results]))
"""


@pytest.mark.parametrize("after", [1, 2])
def test_a_saved_pack_goes_on_in_another_process_to_the_same_weights(
    digits: Digits, tmp_path: Path, after: int
) -> None:
    from safetensors.torch import load_file, save_file

    data = digits(torch.float64)
    save_file({name: getattr(data, name) for name in ("X_train", "y_train", "X_val", "y_val")}, tmp_path / "data")
    pack = Pack(VARIED, data)
    for _ in range(after):
        pack.train_epoch()
    pack.save(tmp_path / "pack")
    arguments = [str(tmp_path / name) for name in ("data", "pack", "weights")]
    done = subprocess.run([sys.executable, "-c", RESUME, *arguments], capture_output=True, text=True, check=True)
    while pack.alive:
        pack.train_epoch()
    results = pack.results()
    assert json.loads(done.stdout) == [[r.state, r.best_epoch, len(r.epochs)] for r in results]
    resumed = load_file(tmp_path / "weights")
    for number, result in enumerate(results):
        for name, weight in result.weights.items():
            torch.testing.assert_close(resumed[f"{number}.{name}"], weight, rtol=0, atol=1e-9)


def test_what_is_no_checkpoint_is_refused(digits: Digits, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    data = digits(torch.float32)
    with pytest.raises(ConfigError, match="must be a safetensors file"):
        Pack.load(tmp_path / "missing", data)
    save_file({"W1": torch.zeros(2)}, tmp_path / "other")
    with pytest.raises(ConfigError, match="must be the checkpoint of a pack"):
        Pack.load(tmp_path / "other", data)
