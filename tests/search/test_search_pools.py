"""What trains packs is started ahead, takes no library to start, and ends where it is not used."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from search_helpers import make_space

import fcsearch.cli
from fcsearch.search.local_pool.fork_client import ForkClient
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import Node
from fcsearch.search.pool.early_output import EarlyOutput
from fcsearch.search.pools import Pools
from fcsearch.search.ray_pool import guard, leftovers, process
from fcsearch.search.ray_pool.process import Driver
from fcsearch.training.engine.native import step_functions

HEAVY = ("numpy", "optuna", "pandas", "pyarrow", "ray", "sklearn", "torch")
LATE = (*HEAVY, "pydantic", "rich")
# What is imported while the first packs train.
MEANWHILE = ("torch", "sklearn", "scipy", "jinja2", "ray")


# Runs a process that workers are forked from until it waits for what to fork, of which there is nothing.
FORKING = (
    "import socket; from fcsearch.search.{module} import main\n"
    "ours, theirs = socket.socketpair(); ours.close(); main(theirs.detach())\n"
)


def printed(code: str) -> list[str]:
    """What a program prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def imported(*modules: str) -> set[str]:
    """Which libraries come with these modules, in a process of their own."""
    return set(printed(f"import sys, {', '.join(modules)}; print(*(name for name in {HEAVY} if name in sys.modules))"))


def test_a_search_starts_ahead_before_it_imports_any_library() -> None:
    ahead = (
        "fcsearch.search.ray_pool.process",
        "fcsearch.search.ray_pool.forks",
        "fcsearch.search.local_pool.fork_client",
    )
    assert imported("fcsearch.cli.run", "fcsearch.search.options", "fcsearch.search.pools", *ahead) == set()


def test_a_search_hands_out_its_first_packs_before_it_imports_torch(tmp_path: Path) -> None:
    make_space(tmp_path)
    told = tmp_path / "told"
    command = ["run", str(tmp_path / "space.yaml"), "--pool", "local", "--workers", "1", "--out", str(tmp_path)]
    code = (
        "import sys; from pathlib import Path\n"
        "from fcsearch.search.planning import placement; placement.torch_is_for_cpus_alone = lambda: True\n"
        "from fcsearch.cli import main; from fcsearch.search.loop.engine import Engine\n"
        "begin = Engine.begin\n"
        f"found = lambda self: [len(self._running), *(name for name in {MEANWHILE} if name in sys.modules)]\n"
        f"tell = lambda self: Path({str(told)!r}).write_text(str(found(self)))\n"
        "Engine.begin = lambda self: (begin(self), tell(self), sys.exit())\n"
        f"main({command})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.read_text() == "[1]", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray is begun when a search is sure to be done")
@pytest.mark.parametrize("options", [[], ["--from", "another_run", "--tag", "a b"]])
def test_a_command_starts_ahead_before_it_imports_any_library(options: list[str]) -> None:
    code = (
        "import sys; from fcsearch.cli import main\n"
        "from fcsearch.search.planning import placement; from fcsearch.search.ray_pool.process import Driver\n"
        f"found = lambda: (name for name in {LATE} if name in sys.modules)\n"
        "placement.torch_is_for_cpus_alone = lambda: True\n"
        "start = Driver.__init__\n"
        "Driver.__init__ = lambda self, **_: (print('at the start:', *found(), flush=True), start(self))[1]\n"
        "Driver.begin = lambda *_: print('begun:', *found(), flush=True)\n"
        f"main(['run', 'no_such_space', *{options}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("at the start:\nbegun:\n", 2)


def test_ray_is_begun_once_and_only_where_it_can_be_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str | None] = []
    local: list[bool] = []

    class FakeDriver:
        begun = False

        def __init__(self, **options: bool) -> None:
            local.append(options["local"])

        def begin(self, address: str | None, _local: Node) -> None:
            self.begun = True
            begun.append(address)

        def end(self) -> None:
            """Nothing was started."""

    for module in (process, guard):
        monkeypatch.setattr(module, "Driver", FakeDriver)
    monkeypatch.setattr(leftovers, "can_end_sessions", lambda: False)
    options = SearchOptions(address="head:6379")
    pools = Pools()
    pools.begin(options, sure=False)
    assert begun == []
    for _ in range(2):
        pools.begin(options)
    assert begun == ["head:6379"]
    # Workers of other machines are not forked here.
    assert local == [False]
    pools.close()


def test_the_process_that_drives_ray_needs_neither_torch_nor_optuna() -> None:
    assert imported("fcsearch.search.ray_pool.driver") & {"torch", "optuna", "sklearn"} == set()


def test_a_worker_needs_no_tables_and_no_sampler() -> None:
    assert imported("fcsearch.search.local_pool.worker") & {"optuna", "pandas", "pyarrow", "ray", "sklearn"} == set()


def test_a_worker_of_ray_needs_no_ray_tune_which_comes_with_pandas_and_pyarrow() -> None:
    modules = ("fcsearch.search.ray_pool.worker", "fcsearch.training", "fcsearch.search.pool.pack_run")
    assert imported(*modules) & {"optuna", "pandas", "pyarrow", "ray.tune", "sklearn"} == set()


@pytest.mark.parametrize("module", ["local_pool.fork_server", "ray_pool.fork_workers"])
def test_what_workers_are_forked_from_has_torch_and_not_ray(module: str) -> None:
    # Ray's library reads the environment of a worker when it is loaded.
    found = set(printed(f"{FORKING.format(module=module)}import sys; print(*sys.modules)"))
    assert {"torch", "fcsearch.search.pool.pack_run"} <= found
    assert found & {"optuna", "pandas", "pyarrow", "ray", "sklearn"} == set()


@pytest.mark.parametrize("module", ["local_pool.fork_server", "ray_pool.driver", "ray_pool.fork_workers"])
def test_what_starts_without_a_garbage_collector_gets_it_back(module: str) -> None:
    ends = FORKING.format(module=module)
    assert printed(f"import gc; gc.disable(); {ends}print(gc.isenabled())") == ["True"]


@pytest.mark.skipif(torch.version.cuda is not None, reason="only a torch without CUDA may compile before a fork")
@pytest.mark.usefixtures("one_thread")
def test_what_trains_on_a_cpu_is_compiled_before_a_worker_asks(tmp_path: Path) -> None:
    if step_functions(torch.device("cpu"), torch.float32) is None:
        pytest.skip("no C compiler on this machine")
    code = FORKING.format(module="local_pool.fork_server")
    for switch, files in (("0", 0), ("1", 1)):
        variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "FCSEARCH_NATIVE": switch}
        subprocess.run([sys.executable, "-c", code], env=variables, check=True)
        assert len(list(tmp_path.rglob("*.so"))) == files


@pytest.mark.parametrize("pool", ["ray", "local"])
def test_what_is_started_ahead_and_not_used_ends(pool: Any) -> None:
    pools = Pools()
    pools.start(pool)
    ahead = pools._driver or pools._fork_client
    assert isinstance(ahead, Driver if pool == "ray" else ForkClient)
    process = ahead._process
    pools.start(pool)
    assert (pools._driver or pools._fork_client) is ahead
    pools.close()
    assert process.returncode is not None
    pools.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its processes as files")
def test_a_ray_that_starts_for_nothing_is_not_waited_for() -> None:
    driver = Driver()
    driver.begin(None, Node(cpus=1, gpus=0))
    driver.end()
    assert driver._process.returncode == -signal.SIGKILL


def test_a_command_that_fails_says_so_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made: list[Any] = []
    monkeypatch.setattr("fcsearch.search.ray_pool.process.Driver", lambda **_: made.append(Driver()) or made[-1])
    with pytest.raises(SystemExit) as ended:
        fcsearch.cli.main(["run", "no_such_space"])
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "reading         no_such_space"
    assert "no_such_space" in second
    assert "starting" not in second
    assert ended.value.code == 2
    assert made[0]._process.returncode is not None


def test_what_a_process_prints_early_is_kept_and_moves_on() -> None:
    early = EarlyOutput()
    code = (
        "import os, sys; from fcsearch.search.pool.early_output import print_to\n"
        "print('first', file=sys.stderr); print_to(int(sys.argv[1])); print('then', flush=True)"
    )
    later = EarlyOutput()
    try:
        words = [sys.executable, "-c", code, str(later.descriptor)]
        streams = {"stdout": early.descriptor, "stderr": early.descriptor, "pass_fds": [later.descriptor]}
        subprocess.run(words, check=True, **streams)
        assert early.text() == ""
        assert later.text() == "first\nthen"
    finally:
        early.close()
        later.close()
