"""Steps in C under the compiler's sanitizers: no access outside of an array, and nothing undefined."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import dataclasses, sys, torch
from varied_packs import VARIED, weighted
from fcsearch.config import InputForm
from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.engine import compiling
from fcsearch.training.engine.native import step_functions
compiling.FLAGS = compiling.FLAGS.replace("-O3", "-O1 -g") + " -fsanitize=address,undefined -fno-sanitize-recover=all"
source = compiling.source
compiling.source = lambda *names: source(*names).replace(*sys.argv[1:3])
torch.set_num_threads(1)
draw = torch.Generator().manual_seed(0)
X, y = torch.randn(110, 19, generator=draw), torch.randint(3, (110,), generator=draw)
for dtype in (torch.float32, torch.float64):
    assert step_functions(X.device, dtype) is not None
    data = TrainingData.from_arrays(X[:70], y[:70], X[70:], y[70:], num_classes=3, dtype=dtype)
    train_pack(VARIED, data)
    train_pack(VARIED[:3], weighted(data))
    embedded = dataclasses.replace(data, form=InputForm("periodic"), numbers=11)
    sizes = {"preprocessing": "periodic", "frequencies": 3, "embedding_dim": 5, "epochs": 1, "batch_size": 33}
    shapes = ({"hidden_dims": (7, 5)}, {"hidden_dims": ()}, {"hidden_dims": (4,), "input_dropout": 0.3})
    train_pack([TrialConfig(**sizes, **shape) for shape in shapes], embedded)
    train_pack([TrialConfig(**sizes)], dataclasses.replace(embedded, numbers=19))
    numbers = TrainingData.from_arrays(X[:70], X[:70, 0], X[70:], X[70:, 0], num_classes=0, dtype=dtype)
    losses = ("squared", "absolute", "huber")
    train_pack([TrialConfig(hidden_dims=(5,), loss=loss, epochs=1) for loss in losses], numbers)
print("all trained")
"""


def train(cache: Path, right: str, wrong: str) -> subprocess.CompletedProcess[str]:
    """Train in a process whose C is sanitized, with a piece of its source replaced."""
    compiler = shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs gcc on Linux: its sanitizer is loaded before Python")
    command = [compiler, "-print-file-name=libasan.so"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(library).is_file():
        pytest.skip("gcc comes without its sanitizers here")
    environment = {
        **os.environ, "CC": compiler, "LD_PRELOAD": library, "XDG_CACHE_HOME": str(cache),
        "ASAN_OPTIONS": "detect_leaks=0:alloc_dealloc_mismatch=0", "PYTHONPATH": str(Path(__file__).parents[1]),
    }  # fmt: skip
    environment.pop("FCSEARCH_NATIVE", None)
    return subprocess.run([sys.executable, "-c", CODE, right, wrong], env=environment, capture_output=True, text=True)


def test_steps_in_c_stay_within_their_arrays(tmp_path: Path) -> None:
    done = train(tmp_path, "", "")
    assert (done.returncode, done.stdout) == (0, "all trained\n"), done.stderr


def test_the_sanitizers_find_an_access_outside_of_an_array(tmp_path: Path) -> None:
    done = train(tmp_path, "k < units; k++) {", "k < units + 1; k++) {")
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr
