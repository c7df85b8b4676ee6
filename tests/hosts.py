"""Hosts of a network: namespaces of this machine, joined by a bridge. Each has processes and a home of its own."""

import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_hosts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nsenter", "unshare"))),
    reason="network namespaces need root on Linux, iproute2 and util-linux",
)


@dataclass(frozen=True)
class Host:
    """One host.

    Attributes:
        address: Its address, which the other hosts and this machine reach.
        init: Its first process; all others end with it.
        home: Its home, as it sees it: the same path on every host.
        folder: Its home, as this machine sees it.
        link: This machine's end of its network cable.
    """

    address: str
    init: int
    home: Path
    folder: Path
    link: str

    def unplug(self) -> None:
        """Cut it off from the network."""
        _command("ip", "link", "set", self.link, "down")

    def plug(self) -> None:
        """Join it to the network again."""
        _command("ip", "link", "set", self.link, "up")

    def kill(self) -> None:
        """End it at once, with all of its processes."""
        os.kill(self.init, signal.SIGKILL)

    def inside(self, *words: str) -> list[str]:
        """The command that runs these words on the host, in its folder `/`."""
        return ["nsenter", f"--target={self.init}", "--mount", "--net", "--pid", "--", *words]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment, with what is this host's: its home, and Ray's temporary folder there."""
        return {**env, "HOME": str(self.home), "RAY_TMPDIR": str(self.home)}

    def shell(self, script: str, env: Mapping[str, str], *, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command of Bash on the host, with this environment and `environment`."""
        words = self.inside("bash", "-c", script)
        return subprocess.run(words, env=self.environment(env), capture_output=True, text=True, timeout=timeout)

    def start_ray(self, env: Mapping[str, str], *options: str) -> None:
        """Start Ray's processes on the host by `ray start`, with these options."""
        ray = str(Path(sys.executable).with_name("ray"))
        words = [ray, "start", "--disable-usage-stats", f"--node-ip-address={self.address}", *options]
        done = self.shell(shlex.join(words), env, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr


_numbers = itertools.count()


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Hosts that reach each other, and nothing else; the test is skipped where there can be none."""
    with ExitStack() as stack:
        # Short: Ray's sockets lie in there, and the path of a socket has at most 107 characters.
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fc-", dir="/tmp")))
        home = base / "home"
        home.mkdir()
        try:
            bridge = _bridge(stack)
            found = [_host(stack, bridge, number, home) for number in range(1, count + 1)]
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield found


def _bridge(stack: ExitStack) -> str:
    # A link takes a moment to go, and its name with it.
    mark = f"fc{os.getpid() % 100_000}{next(_numbers)}"
    _command("ip", "link", "add", mark, "type", "bridge")
    stack.callback(_command, "ip", "link", "del", mark)
    _command("ip", "addr", "add", f"{_address(254)}/24", "dev", mark)
    _command("ip", "link", "set", mark, "up")
    return mark


def _address(host: int) -> str:
    return f"10.213.{os.getpid() % 250}.{host}"


def _host(stack: ExitStack, bridge: str, number: int, home: Path) -> Host:
    name, link, address = f"{bridge}-{number}", f"{bridge}v{number}", _address(number)
    _command("ip", "netns", "add", name)
    stack.callback(_command, "ip", "netns", "del", name)
    _command("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
    # The system may keep a namespace for a while after it is deleted, for connections that are still closing.
    stack.callback(subprocess.run, ["ip", "link", "del", link], check=False, capture_output=True, timeout=60)
    _command("ip", "link", "set", link, "master", bridge, "up")
    _command("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _command("ip", "-n", name, "link", "set", "eth0", "up")
    _command("ip", "-n", name, "link", "set", "lo", "up")
    # It leads nowhere. Ray asks by which address it would be taken, and takes the loopback where there is no way out.
    _command("ip", "-n", name, "route", "add", "default", "via", _address(254))
    folder = home.with_name(name)
    folder.mkdir()
    return Host(address, _first_process(stack, name, ("mount", "--bind", str(folder), str(home))), home, folder, link)


def _first_process(stack: ExitStack, namespace: str, mount: Sequence[str]) -> int:
    """A process that waits in namespaces of its own, where the mount is made; its number on this machine."""
    script = '"$@" && echo ready && exec sleep infinity'
    unshared = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    words = ["ip", "netns", "exec", namespace, *unshared, "sh", "-c", script, "sh", *mount]
    process = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    if process.stdout.readline() != "ready\n":
        raise OSError("unshare and mount are not allowed")
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def _command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
