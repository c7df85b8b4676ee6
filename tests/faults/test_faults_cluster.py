"""A cluster of three hosts in the middle of a search: nodes that die, join late, and are cut off; a head that dies."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import victims
from hosts import Host, hosts, needs_hosts
from search_helpers import make_space
from search_processes import Processes, processes, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1200), needs_hosts]

PORT = 6400
TRIALS = 12
OPTIONS = ("--space", "space.yaml", "--pack-size", "1", "--confirm", "0")


def join(host: Host, head: Host, commands: Processes) -> None:
    host.start_ray(commands.env, f"--address={head.address}:{PORT}", "--num-cpus=1")


@pytest.fixture
def cluster(commands: Processes) -> Iterator[list[Host]]:
    """A head that trains nothing, and two hosts; the first of them is a node with one CPU."""
    commands.env["RAY_AUTH_MODE"] = "disabled"
    with hosts(3) as found:
        head, first, _ = found
        head.start_ray(commands.env, "--head", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false")
        join(first, head, commands)
        yield found
        for host in found:
            host.plug()
        commands.end()


def write_space(folder: Path) -> None:
    """Each trial takes some seconds."""
    rates = [0.01 * number for number in range(1, TRIALS // 2 + 1)]
    parameters = {"learning_rate": {"choices": rates}, "epochs": {"choices": [3000, 4000]}}
    digits = {"source": "digits", "num_train": 300}
    make_space(folder, sampler="grid", trials=TRIALS, parameters=parameters, dataset=digits)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search undisturbed, on this machine and without Ray, which the disturbed ones are to equal."""
    folder = tmp_path_factory.mktemp("alone")
    write_space(folder)
    with processes(folder) as commands:
        assert commands.run("run", "--pool", "local", "--workers", "1", *OPTIONS, timeout=600) == 0, commands.err
    return folder / "runs" / "small"


class Search:
    """A search on the cluster, driven from its first node."""

    def __init__(self, cluster: list[Host], commands: Processes, folder: Path, alone: Path) -> None:
        write_space(folder)
        self.alone, self.run = alone, folder / "runs" / "small"
        self.commands, self.first, self.folder = commands, cluster[1], folder
        commands.env = self.first.environment(commands.env)
        address = ("--address", f"{cluster[0].address}:{PORT}")
        self.process = commands.start("run", *OPTIONS, *address, prefix=self._prefix)

    @property
    def _prefix(self) -> list[str]:
        return self.first.inside("env", f"--chdir={self.folder}")

    @property
    def log(self) -> str:
        log = self.run / "log.txt"
        return log.read_text() if log.exists() else ""

    def trains_on(self, host: Host) -> int:
        return len(re.findall(rf" trains on \S+ \({re.escape(host.address)}\)", self.log))

    def ends_like_the_undisturbed_one(self) -> None:
        assert self.process.wait(timeout=600) == 0, self.commands.err
        assert "Traceback" not in self.commands.err
        victims.assert_complete(self.run, trials=TRIALS)
        assert victims.tables(self.run) == victims.tables(self.alone)


@pytest.fixture
def search(alone: Path, cluster: list[Host], commands: Processes, tmp_path: Path) -> Search:
    found = Search(cluster, commands, tmp_path, alone)
    wait_for(lambda: found.trains_on(cluster[1]) >= 1, seconds=240)
    return found


def test_a_node_that_joins_late_gets_work_and_one_that_dies_costs_what_was_in_flight(
    cluster: list[Host], search: Search, commands: Processes, measured: victims.Measured
) -> None:
    head, _, late = cluster
    join(late, head, commands)
    joined = time.monotonic()
    wait_for(lambda: search.trains_on(late) >= 1, seconds=120)
    measured(f"a node that joined late had work {time.monotonic() - joined:.0f} s after it had")
    assert "nodes have joined: the cluster has room for 2 workers now" in commands.err
    late.kill()
    search.ends_like_the_undisturbed_one()


def test_a_node_with_another_version_that_joins_late_is_named_and_not_used(
    cluster: list[Host], search: Search, commands: Processes, tmp_path: Path
) -> None:
    head, _, late = cluster
    package = tmp_path / "other" / "fcsearch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.0.1"\n')
    ours = commands.env
    commands.env = {**ours, "PYTHONPATH": str(package.parent)}
    join(late, head, commands)
    commands.env = ours
    named = rf"node .* \({re.escape(late.address)}\) has fcsearch 0\.0\.1, this machine fcsearch .*: it is not used"
    wait_for(lambda: bool(re.search(named, commands.err)), seconds=120)
    search.ends_like_the_undisturbed_one()
    assert not search.trains_on(late)
    assert "nodes have joined" not in commands.err


@pytest.mark.parametrize("seconds", [20, 90])
def test_a_node_that_is_cut_off_for_a_while(
    seconds: int, cluster: list[Host], search: Search, commands: Processes
) -> None:
    head, _, other = cluster
    join(other, head, commands)
    wait_for(lambda: search.trains_on(other) >= 1, seconds=120)
    other.unplug()
    time.sleep(seconds)
    other.plug()
    search.ends_like_the_undisturbed_one()


def test_with_every_node_gone_the_search_says_what_it_waits_for(
    alone: Path, cluster: list[Host], commands: Processes, tmp_path: Path
) -> None:
    head, _, other = cluster
    # Driven from a node that trains nothing.
    search = Search([head, head, other], commands, tmp_path, alone)
    wait_for(lambda: search.trains_on(cluster[1]) >= 1, seconds=240)
    cluster[1].kill()
    waits = r"since \d\d:\d\d:\d\d UTC no node of the cluster has room for a worker: the search waits for one to join"
    wait_for(lambda: bool(re.search(waits, commands.err)), seconds=240)
    join(other, head, commands)
    search.ends_like_the_undisturbed_one()


def test_a_head_that_dies_is_named_and_resume_goes_on_without_the_cluster(
    cluster: list[Host], search: Search, commands: Processes, measured: victims.Measured
) -> None:
    cluster[0].kill()
    died = time.monotonic()
    assert search.process.wait(timeout=120) == 1, commands.err
    measured(f"a head that died was named after {time.monotonic() - died:.0f} s")
    assert f"its head (GCS) died on the cluster at {cluster[0].address}:{PORT}" in commands.err
    assert "continue with `fcsearch resume runs/small`" in commands.err
    assert "Traceback" not in commands.err
    commands.env.pop("RAY_AUTH_MODE")
    assert commands.run("resume", "small", "--pool", "local", "--workers", "1", timeout=600) == 0, commands.err
    victims.assert_complete(search.run, trials=TRIALS)
    assert victims.tables(search.run) == victims.tables(search.alone)
