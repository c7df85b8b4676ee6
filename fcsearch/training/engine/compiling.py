"""Compiles what trains on a CPU, once on each machine. Nothing here needs torch, whose import takes seconds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from fcsearch.owned_folder import owned, remove_ownerless

SWITCH = "FCSEARCH_NATIVE"  # set to 0 to do without what is compiled
# In this order: each calls what is in those before it.
CPU_SOURCES = ("kernels", "losses", "activations", "products", "embedding", "steps")
GPU_SOURCES = ("kernels", "layers", "rows")
FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC"
_SECONDS = 120
_ASIDE = "compiling-"
# None compiles as long.
_DEAD_SECONDS = 3600


def prepare_for_cpu() -> None:
    """Compile what trials on a CPU are trained by, in float32, so that it is in the user's cache when it is needed.

    What cannot be compiled is for `step_functions` to tell.
    """
    if os.environ.get(SWITCH) != "0":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            cpu_library("float")


def cpu_library(real: str, sources: Sequence[str] = CPU_SOURCES) -> Path:
    """The library of all functions for a CPU, compiled if it is not there.

    Args:
        real: C's name of the numbers: `float` or `double`.
        sources: The files of `native/` that it is made of.

    Raises:
        OSError: there is no compiler, no place for the library, or `CC` is no command.
        SubprocessError: the compiler failed.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise OSError("no C compiler found")
    try:
        command = [*shlex.split(compiler), *FLAGS.split(), *defines(real)]
    except ValueError as error:
        raise OSError(f"CC must be a command of the shell; found {compiler!r}: {error}") from error
    return _compiled(command, source(*sources))


def defines(real: str) -> list[str]:
    """What a compiler must be told of the numbers."""
    return [f"-DREAL={real}", "-DSQRT=sqrtf" if real == "float" else "-DSQRT=sqrt"]


def source(*names: str) -> str:
    """The text of these files of `native/`, one after another."""
    folder = resources.files(__package__).joinpath("native")
    return "".join(folder.joinpath(f"{name}.c").read_text() for name in names)


def _compiled(command: list[str], source: str) -> Path:
    """The library's file in the user's cache, made if it is not there; several processes may ask at once."""
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    machine = [platform.machine(), platform.node(), processor(), version.stdout]
    digest = hashlib.sha256("\0".join([source, *command, *machine]).encode()).hexdigest()[:16]
    folder = _cache()
    path = folder / f"kernels-{digest}.so"
    _remove_dead(folder)
    if not path.exists():
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
        with owned(aside):
            made = aside / "kernels.so"
            subprocess.run(
                [*command, "-x", "c", "-", "-o", str(made), "-lm"],
                input=source,
                # A compiler that is killed at its work leaves files.
                env={**os.environ, "TMPDIR": str(aside)},
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=True,
            )
            made.replace(path)
    return path


def _remove_dead(folder: Path) -> None:
    """Remove what processes have left that were killed while they compiled."""
    remove_ownerless(folder, f"{_ASIDE}*")
    # An earlier version did not lock them, and not every file system can.
    for unlocked in (*folder.glob("tmp*"), *folder.glob(f"{_ASIDE}*")):
        with contextlib.suppress(OSError):
            if time.time() - unlocked.stat().st_mtime > _DEAD_SECONDS and not unlocked.is_symlink():
                shutil.rmtree(unlocked)


def processor() -> str:
    """What tells processors apart that take different machine code."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    wanted = ("model name", "flags", "Features")
    return "\n".join(sorted({line for line in info.read_text().splitlines() if line.startswith(wanted)}))


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(base) / "fcsearch" / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    # Nobody else may put a library where this user's will be loaded from.
    folder = Path(tempfile.gettempdir()) / f"fcsearch-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
