"""`ray up cluster.yaml`, really: sshd on two hosts, a search on both, its results fetched, and everything ended."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosts import Host, hosts, needs_hosts
from search_helpers import make_space
from search_processes import Processes, wait_for

from fcsearch.results import open_run

REPOSITORY = Path(__file__).parents[3]
PYTHON = Path(sys.executable).parent

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    needs_hosts,
    pytest.mark.skipif(
        not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("sshd", "ssh", "rsync")),
        reason="ray up needs openssh-server, openssh-client and rsync",
    ),
]

SSHD = """
Port 22
HostKey {key}
AuthorizedKeysFile {key}.pub
StrictModes no
PermitRootLogin yes
PidFile none
SetEnv RAY_TMPDIR={home} PATH={path}
"""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Host]]:
    """A head and a worker node that take ssh with the key `key`."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
    with hosts(2) as found:
        settings = tmp_path / "sshd"
        settings.write_text(SSHD.format(key=key, home=found[0].home, path=path))
        # ssh looks for the home of its user here, whatever HOME says.
        users = tmp_path / "passwd"
        users.write_text(
            re.sub(r"(?m)^(root:.*:)[^:]*(:[^:]*)$", rf"\1{found[0].home}\2", Path("/etc/passwd").read_text())
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        for host in found:
            subprocess.run(host.inside("mount", "--bind", str(users), "/etc/passwd"), check=True)
            subprocess.run(host.inside("/usr/sbin/sshd", "-f", str(settings)), check=True)
        yield found


def adapted(nodes: list[Host], folder: Path) -> Path:
    """cluster.yaml with the addresses and the key, and with the packages of this environment in place of a download."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / "cluster.yaml").read_text())
    config["provider"] |= {"head_ip": nodes[0].address, "worker_ips": [nodes[1].address]}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(folder / "key")}
    config |= {"min_workers": 1, "max_workers": 1, "file_mounts": {"~/fcsearch-dist": str(folder / "dist")}}
    packages = "$(echo ~/fcsearch-venv/lib/python3*/site-packages)/here.pth"
    script = f'sed "1s|.*|#!$HOME/fcsearch-venv/bin/python|" {PYTHON}/ray > ~/fcsearch-venv/bin/ray'
    install = f"echo {Path(pytest.__file__).parents[1]} > {packages}; {script}; chmod +x ~/fcsearch-venv/bin/ray"
    commands = [install if "--constraint" in command else command for command in config["setup_commands"]]
    assert commands != config["setup_commands"]
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump({**config, "setup_commands": commands}))
    return file


def ray(commands: Processes, *words: str) -> str:
    """Run a command of Ray's launcher on this machine."""
    done = subprocess.run(
        [str(PYTHON / "ray"), *words],
        env=commands.env,
        cwd=commands.folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_a_cluster_starts_searches_and_ends(nodes: list[Host], commands: Processes, tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path / "dist"),
        ".",
    ]
    built = subprocess.run(build, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    shutil.copy(REPOSITORY / "constraints.txt", tmp_path / "dist")
    # Ray's launcher keeps its state in its temporary folder, too.
    commands.env["RAY_TMPDIR"] = str(nodes[0].home.parent)
    file = str(adapted(nodes, tmp_path))
    ray(commands, "up", "--yes", "--no-config-cache", file)
    tokens = [node.folder / ".ray" / "auth_token" for node in nodes]
    wait_for(lambda: all(token.exists() for token in tokens), seconds=120)
    assert {token.stat().st_mode & 0o777 for token in tokens} == {0o600}
    assert tokens[0].read_text() == tokens[1].read_text()
    wait_for(lambda: "1 local.cluster.node" in ray(commands, "exec", file, "ray status"), seconds=200)

    make_space(tmp_path, trials=4)
    ray(commands, "rsync-up", file, "space.yaml", "space.yaml")
    ray(commands, "exec", file, "fcsearch run --space space.yaml --address auto")
    ray(commands, "rsync-down", file, "runs/", "runs/")
    assert len(open_run(tmp_path / "runs" / "small").trials) == 4
    ray(commands, "down", "--yes", file)
