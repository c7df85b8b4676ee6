"""A search on a Ray cluster of two nodes: network namespaces of this machine, joined by a bridge."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import open_run

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="network namespaces need root on Linux"),
]

# Of this process alone: Ray looks at all processes of the machine, in other namespaces too, for the port of its head.
HEAD, OTHER = (f"10.213.{os.getpid() % 250}.{host}" for host in (1, 2))
PORT = 6400 + os.getpid() % 1000


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Two network namespaces that reach each other."""
    with ExitStack() as stack:
        try:
            names = make_namespaces(stack)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield names


def make_namespaces(stack: ExitStack) -> list[str]:
    mark = f"fc{os.getpid() % 100_000}"
    command("ip", "link", "add", mark, "type", "bridge")
    stack.callback(command, "ip", "link", "del", mark)
    command("ip", "link", "set", mark, "up")
    names = []
    for number, address in enumerate((HEAD, OTHER)):
        name, link = f"{mark}-{number}", f"{mark}v{number}"
        command("ip", "netns", "add", name)
        stack.callback(command, "ip", "netns", "del", name)
        command("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        command("ip", "link", "set", link, "master", mark, "up")
        command("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        command("ip", "-n", name, "link", "set", "eth0", "up")
        command("ip", "-n", name, "link", "set", "lo", "up")
        names.append(name)
    return names


def start_ray(commands: Processes, namespace: str, *options: str) -> None:
    ray = str(Path(sys.executable).with_name("ray"))
    words = ("ip", "netns", "exec", namespace, ray, "start", "--disable-usage-stats", *options)
    subprocess.run(words, check=True, capture_output=True, env=commands.env, timeout=60)


@pytest.fixture
def cluster(namespaces: list[str], commands: Processes) -> Iterator[str]:
    """A head with two CPUs and two GPUs (in Ray's books), a node with one of each; yields the head's namespace."""
    commands.env["RAY_AUTH_MODE"] = "disabled"
    common = ("--include-dashboard=false",)
    start_ray(
        commands,
        namespaces[0],
        "--head",
        f"--node-ip-address={HEAD}",
        f"--port={PORT}",
        "--num-cpus=2",
        "--num-gpus=2",
        *common,
    )
    start_ray(
        commands,
        namespaces[1],
        f"--address={HEAD}:{PORT}",
        f"--node-ip-address={OTHER}",
        "--num-cpus=1",
        "--num-gpus=1",
    )
    yield namespaces[0]
    commands.end()


def test_both_nodes_train_packs_and_each_worker_has_a_gpu_of_its_own(
    cluster: str, commands: Processes, tmp_path: Path
) -> None:
    # Each pack has a trial that is over at once, and one that ends with the search: when all workers train.
    parameters = {
        "learning_rate": {"choices": [0.1, 0.2, 0.3]},
        "epochs": {"choices": [1, 1_000_000]},
        "hidden_dim": 16,
    }
    make_space(
        tmp_path, sampler="grid", trials=6, parameters=parameters, dataset={"source": "digits", "num_train": 600}
    )
    inside = ("ip", "netns", "exec", cluster)
    options = ("--space", "space.yaml", "--address", f"{HEAD}:{PORT}", "--pack-size", "2")
    driver = commands.start("run", *options, prefix=inside)
    log = tmp_path / "runs" / "small" / "log.txt"
    wait_for(lambda: log.exists() and log.read_text().count(" trains on ") == 3)
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=40) == 130, commands.err

    run = open_run(tmp_path / "runs" / "small")
    rows = run.trials.to_pylist()
    assert run.manifest["workers"] == 3
    assert [row["epochs"] for row in rows] == [1, 1, 1]
    assert sorted(re.sub(r".*\((.*)\)", r"\1", row["node"]) for row in rows) == [HEAD, HEAD, OTHER]
    assert {row["device"] for row in rows} == {"cpu"}
    # torch has no GPU here, and each worker says so, of the GPU that Ray gave it.
    given = re.findall(r"\((10\.[\d.]+)\): .*gave this worker GPU (\d) \(CUDA_VISIBLE_DEVICES=(\d)\)", log.read_text())
    assert sorted(given) == [(HEAD, "0", "0"), (HEAD, "1", "1"), (OTHER, "0", "0")]
    assert commands.err.count("torch can use no GPU on") == 2

    # A cluster that others use is left as it was found: no actor, no reservation.
    wait_for(lambda: "0.0/3.0 GPU" in ray_status(commands, inside), seconds=30)
    assert "0.0/3.0 CPU" in ray_status(commands, inside)
    assert not [text for text in commands.alive().values() if "ray::" in text and "train" in text]


def ray_status(commands: Processes, inside: Sequence[str]) -> str:
    """What the cluster says of its resources; it is told of changes every few seconds."""
    words = [*inside, str(Path(sys.executable).with_name("ray")), "status", f"--address={HEAD}:{PORT}"]
    return subprocess.run(words, env=commands.env, capture_output=True, text=True, check=True, timeout=60).stdout
