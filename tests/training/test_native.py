"""What is compiled: optional, built again when what it depends on changes, and called with checked arguments."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from host_kernels import CPU, host_kernels
from torch import Tensor

from fcsearch.owned_folder import owned
from fcsearch.training.engine import compiling
from fcsearch.training.engine.native import CallSite, kernels, library, step_functions, without_kernels
from fcsearch.training.engine.native.binding import SIGNATURES

CODE = """
import json, logging, torch
logging.basicConfig(level=logging.INFO)
torch.set_num_threads(1)
from fcsearch.training import TrainingData, TrialConfig, train_pack
from fcsearch.training.engine.native import step_functions
draw = torch.Generator().manual_seed(0)
X, y = torch.randn(300, 20, generator=draw), torch.randint(3, (300,), generator=draw)
data = TrainingData.from_arrays(X, y, X[:100], y[:100], num_classes=3)
config = TrialConfig(hidden_dims=(16, 16), update_rule="adam", dropout=0.3, learning_rate=0.01, epochs=5)
[result] = train_pack([config], data)
print(json.dumps([step_functions(X.device, X.dtype) is not None, [e.val_loss for e in result.epochs]]))
"""


def train(cache: Path, **environment: str) -> tuple[bool, list[float], str]:
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", CODE], env=variables, capture_output=True, text=True, check=True)
    compiled, losses = json.loads(done.stdout)
    return compiled, losses, done.stderr


@pytest.mark.parametrize("compiler", ["no-such-compiler", 'cc "'])
def test_training_does_without_a_compiler(compiler: str, tmp_path: Path) -> None:
    compiled, losses, log = train(tmp_path, CC=compiler)
    assert not compiled
    assert "the kernels cannot be compiled for cpu" in log
    off = train(tmp_path, FCSEARCH_NATIVE="0")
    assert off[0] is False
    assert losses == off[1]
    assert not list(tmp_path.rglob("*.so"))


def test_the_kernels_are_compiled_once_and_agree(tmp_path: Path) -> None:
    if step_functions(CPU, torch.float32) is None:
        pytest.skip("no C compiler on this machine")
    compiled, losses, _ = train(tmp_path)
    assert compiled
    [library] = tmp_path.rglob("*.so")
    written = library.stat().st_mtime_ns
    assert train(tmp_path)[1] == losses
    assert library.stat().st_mtime_ns == written
    assert losses == pytest.approx(train(tmp_path, FCSEARCH_NATIVE="0")[1], rel=1e-4)


def built(tmp_path: Path) -> set[str]:
    """The libraries that there are after one more start."""
    library._for_cpu.cache_clear()
    assert step_functions(CPU, torch.float32) is not None
    return {path.name for path in tmp_path.rglob("*.so")}


def another_compiler(tmp_path: Path) -> str:
    """The machine's compiler, as one that calls itself another version."""
    real = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    script = tmp_path / "cc"
    version = '[ "$1" = --version ] && echo version 99 && exit'
    script.write_text(f'#!/bin/sh\n{version}\nexec {shlex.quote(str(real))} "$@"\n')
    script.chmod(0o755)
    return shlex.quote(str(script))


@pytest.mark.usefixtures("_fresh_kernels")
def test_the_files_of_a_compiler_lie_beside_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, told = another_compiler(tmp_path), tmp_path / "told"
    script = Path(*shlex.split(compiler))
    script.write_text(script.read_text().replace("exec ", f'echo "$TMPDIR" > {shlex.quote(str(told))}\nexec '))
    monkeypatch.setenv("CC", compiler)
    built(tmp_path)
    (made,) = tmp_path.rglob("*.so")
    assert Path(told.read_text().strip()).parent == made.parent


@pytest.mark.usefixtures("_fresh_kernels")
def test_what_a_killed_compiler_has_left_is_removed_at_the_next_start_and_nothing_else(tmp_path: Path) -> None:
    built(tmp_path)
    (made,) = tmp_path.rglob("*.so")
    cache = made.parent
    code = (
        "import os, sys, tempfile; from pathlib import Path; from fcsearch.owned_folder import owned\n"
        "folder = Path(tempfile.mkdtemp(prefix='compiling-', dir=sys.argv[1]))\n"
        "with owned(folder): (folder / 'kernels.so').write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(cache)], check=False)
    assert killed.returncode == -signal.SIGKILL
    # An earlier version named its folders so, and locked none.
    for name, age in (("tmpearlier", 7200), ("tmpjustnow", 0), ("another", 7200)):
        (cache / name).mkdir()
        os.utime(cache / name, (time.time() - age,) * 2)
    assert len(list(cache.iterdir())) == 5
    with owned(Path(tempfile.mkdtemp(prefix="compiling-", dir=cache))):
        built(tmp_path)
        others = {path.name for path in cache.iterdir() if not path.name.startswith("compiling-")}
        assert others == {made.name, "tmpjustnow", "another"}
        assert len(list(cache.iterdir())) == 4


@pytest.mark.usefixtures("_fresh_kernels")
@pytest.mark.parametrize("changed", ["source", "compiler", "processor"])
def test_the_kernels_are_built_again_when_this_changes(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built(tmp_path)
    assert len(first) == 1
    assert built(tmp_path) == first
    if changed == "source":
        right = compiling.source
        monkeypatch.setattr(compiling, "source", lambda *names: right(*names) + "/* changed */")
    elif changed == "compiler":
        monkeypatch.setenv("CC", another_compiler(tmp_path))
    else:
        monkeypatch.setattr(compiling, "processor", lambda: "another processor")
    assert len(built(tmp_path)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 5)), r"array \(2, 3, 4\) of torch.float32 .*found \(2, 3, 5\)"),
        ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 4).double()), "of torch.float32 .*found .* of torch.float64"),
        ((torch.zeros(2, 4, 3).mT, torch.zeros(2, 4, 3).mT), "contiguous rows"),
        ((torch.zeros(12), torch.zeros(12)), r"array \(outer, members, inner\).*found \(12,\)"),
        ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 4, device="meta")), "on cpu .*found .* on meta"),
        ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), torch.zeros(2)), r"contiguous tensor \(3,\)"),
        ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), torch.zeros(6)[::2]), r"contiguous tensor \(3,\)"),
    ],
)
def test_a_kernel_refuses_what_it_would_misread(arguments: tuple[Tensor, ...], message: str) -> None:
    compiled = host_kernels(torch.float32)
    with pytest.raises(ValueError, match=rf"the kernel sgd must be given .*{message}"):
        compiled["sgd"].bind(*arguments)


def test_arrays_of_one_layout_must_have_the_same_strides() -> None:
    compiled = host_kernels(torch.float32)
    weights, gradients, first = torch.zeros(3, 2, 3, 4)
    with pytest.raises(ValueError, match=r"the kernel adam must be given .* outer strides \(12, 4\)"):
        compiled["adam"].bind(weights, gradients, first, torch.zeros(3, 2, 4).transpose(0, 1))


def test_every_function_in_c_has_the_arguments_that_its_binding_gives() -> None:
    found = re.findall(
        r"^KERNEL (\w+)\(const layout \*l, ([^)]*)\)", compiling.source(*compiling.GPU_SOURCES), re.MULTILINE
    )
    assert {name: len(arguments.split(",")) for name, arguments in found} == {
        name: len(kinds) for name, kinds in SIGNATURES.items()
    }
    bits = {name: ["int16_t" in a for a in arguments.split(",")] for name, arguments in found}
    assert bits == {name: [kind == "bits" for kind in kinds] for name, kinds in SIGNATURES.items()}


def test_a_call_site_follows_arrays_that_change() -> None:
    compiled = host_kernels(torch.float32)
    site = CallSite(compiled["relu_back"], torch.tensor([2.0]))
    for rows in (3, 3, 5):
        hidden, gradient, biases = torch.ones(1, rows, 4), torch.full((1, rows, 4), 7.0), torch.zeros(1, 1, 4)
        site(hidden, gradient, biases.expand(1, rows, 4))
        assert torch.equal(gradient, torch.full((1, rows, 4), 14.0))
        assert torch.equal(biases, torch.full((1, 1, 4), 14.0 * rows))
    with pytest.raises(ValueError, match="the kernel relu_back must be given"):
        site(torch.ones(1, 3, 4), torch.ones(1, 3, 5), torch.ones(1, 3, 4))


def test_within_without_kernels_nothing_is_compiled() -> None:
    before = step_functions(CPU, torch.float32)
    with without_kernels():
        assert step_functions(CPU, torch.float32) is None
    assert step_functions(CPU, torch.float32) is before


def test_several_threads_do_without_steps_in_c_and_kernels_are_for_gpus() -> None:
    torch.set_num_threads(2)
    assert step_functions(CPU, torch.float32) is None
    assert kernels(CPU, torch.float32) is None
