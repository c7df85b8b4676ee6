"""Makes the pictures that the README shows, docs/terminal.svg and docs/report.png, from one search on digits."""

from __future__ import annotations

import fcntl
import os
import platform
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from pictures import ROOT, of_page, of_terminal

COMMAND = "fcsearch run full --pool local"
_COLUMNS, _LINES = 100, 40
# The live view goes back to its first line before it is drawn again.
_REDRAWN = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
_CURSOR = re.compile(r"\x1b\[\?\d+[hl]")
_PROMPT, _CUT = "\x1b[1;32m$\x1b[0m ", "\x1b[2m...\x1b[0m"


def main() -> None:
    """Search, and write both."""
    with tempfile.TemporaryDirectory() as folder:
        shown = on_terminal(shlex.split(COMMAND)[1:], Path(folder))
        of_terminal(told(shown), ROOT / "docs" / "terminal.svg", title="fcsearch", columns=_COLUMNS)
        page = Path(folder) / "runs" / "full" / "report.html"
        of_page(page, ROOT / "docs" / "report.png", width=1000, height=1300, scale=1.5)


def on_terminal(arguments: list[str], folder: Path) -> str:
    """All that a command of fcsearch sends to a terminal, started in that folder."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "fcsearch", *arguments]
    with subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, cwd=folder, env={**kept, "TERM": "xterm-256color"}
    ) as process:
        os.close(its)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:
            pass  # The terminal's other end is closed: the command has ended.
        os.close(ours)
    if process.returncode:
        sys.exit(f"{shlex.join(command)} ended with {process.returncode}")
    return b"".join(pieces).decode().replace("\r\n", "\n")


def told(shown: str) -> str:
    """The command, its plan, the live view in the middle of the search, and the last lines."""
    plan, *frames = _REDRAWN.split(_CURSOR.sub("", shown))
    plan = plan[: plan.index("\x1b[1m0/60 trials")].rstrip("\n")
    middle = [frame for frame in frames if re.search(r"1m[2-4]\d/60 trials", frame)]
    live = max(middle, key=lambda frame: frame.count("\x1b[2mpack ")).strip("\n")
    last = shown[shown.rindex("\x1b[1;32mWinner") :].rstrip()
    text = "\n".join([_PROMPT + COMMAND, plan, live, _CUT, last])
    return re.sub(rf"\b{re.escape(platform.node())}\b", "laptop", text)


if __name__ == "__main__":
    main()
