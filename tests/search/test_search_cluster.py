"""A search on a Ray cluster of two nodes: network namespaces of this machine, joined by a bridge."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from search_helpers import make_space
from search_processes import Processes

from fcsearch.results import open_run

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="network namespaces need root on Linux"),
]

HEAD, OTHER, PORT = "10.213.47.1", "10.213.47.2", 6399


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Two network namespaces that reach each other."""
    mark = f"fc{os.getpid() % 100_000}"
    with ExitStack() as stack:
        try:
            command("ip", "link", "add", mark, "type", "bridge")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {error}")
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
        yield names


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
    # Longer than workers take to start, so that each of the three trains one.
    make_space(tmp_path, trials=3, dataset={"source": "digits", "num_train": 600})
    inside = ("ip", "netns", "exec", cluster)
    options = (
        "--space",
        "space.yaml",
        "--address",
        f"{HEAD}:{PORT}",
        "--pack-size",
        "1",
        "--set",
        "parameters.epochs=2000",
    )
    assert commands.run("run", *options, prefix=inside) == 0, commands.err + commands.out
    run = open_run(tmp_path / "runs" / "small")
    rows = run.trials.to_pylist()
    assert [row["trial_id"] for row in rows] == list(range(3))
    assert run.manifest["workers"] == 3
    assert {re.sub(r".*\((.*)\)", r"\1", row["node"]) for row in rows} == {HEAD, OTHER}
    assert {row["device"] for row in rows} == {"cpu"}
    # torch has no GPU here, and each worker says so, of the GPU that Ray gave it.
    given = set(
        re.findall(r"\((10\.[\d.]+)\): .*gave this worker GPU (\d) \(CUDA_VISIBLE_DEVICES=(\d)\)", run_log(tmp_path))
    )
    assert given == {(HEAD, "0", "0"), (HEAD, "1", "1"), (OTHER, "0", "0")}

    # A cluster that others use is left as it was found: no actor, no reservation.
    assert not [text for text in commands.alive().values() if "ray::" in text and "train" in text]
    status = subprocess.run(
        [*inside, str(Path(sys.executable).with_name("ray")), "status", f"--address={HEAD}:{PORT}"],
        env=commands.env, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    assert "0.0/3.0 CPU" in status
    assert "0.0/3.0 GPU" in status


def run_log(folder: Path) -> str:
    return (folder / "runs" / "small" / "log.txt").read_text()
