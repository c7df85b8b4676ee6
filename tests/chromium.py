"""A real Chromium, steered over a pipe by its DevTools protocol: what it makes of a page, and what it says of it."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Seconds that a page may take; on a loaded machine it takes many.
PATIENCE = 120.0
_LOOK_SECONDS = 0.05
# The browser reads commands from this descriptor, and answers on the next one.
_COMMANDS, _ANSWERS = 3, 4

Json = dict[str, Any]


class ChromiumEndedError(Exception):
    """It ended before it answered."""


class Chromium:
    """A browser without a window, and one tab of it.

    Args:
        folder: For all of its files. Its sockets need a short path, and it leaves much behind.

    Attributes:
        complaints: What the pages wrote to the console, and the errors that nothing caught.
        requests: The addresses that were asked for, those of the pages among them.
    """

    def __init__(self, folder: Path) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._left, self._number, self._session = b"", 0, None
        self._process, self._to, self._from = _start(folder)
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self._call(f"{domain}.enable")
            # A phone, where the least fits.
            self.look(width=360)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def look(self, *, width: int, dark: bool = False) -> None:
        """Make the tab so wide, in pixels, and ask pages for that theme."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[theme])

    def forget(self) -> None:
        """Forget the complaints and requests so far."""
        self.complaints.clear()
        self.requests.clear()

    def open(self, address: str) -> None:
        """Go to a page."""
        self._call("Page.navigate", url=address)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, in JSON types."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """Look again and again until an expression is true, also across reloads; returns its value."""
        end = time.monotonic() + PATIENCE
        # Of a page that is being loaded there may be no document yet.
        while not (found := self.evaluate(f"document.readyState === 'complete' && ({expression})")):
            assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {expression}"
            time.sleep(_LOOK_SECONDS)
        return found

    def picture(self, where: Path) -> None:
        """Write a PNG of the whole page."""
        width, height = self.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        found = self._call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        where.write_bytes(base64.b64decode(found["data"]))

    def _call(self, method: str, **arguments: Any) -> Json:
        self._number += 1
        message: Json = {"id": self._number, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._await(lambda found: found.get("id") == self._number)
        if "error" in answer:
            # A reload in between has thrown away the page that was asked.
            if "context was destroyed" in answer["error"]["message"] or "navigated" in answer["error"]["message"]:
                return {"result": {}}
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _await(self, wanted: Callable[[Json], bool]) -> Json:
        end = time.monotonic() + PATIENCE
        while True:
            while b"\0" in self._left:
                text, self._left = self._left.split(b"\0", 1)
                message = json.loads(text)
                self._note(message)
                if wanted(message):
                    return message
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium did not answer within {PATIENCE:.0f} s"
            found = os.read(self._from, 1 << 20)
            if not found:
                raise ChromiumEndedError
            self._left += found

    def _note(self, message: Json) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(told["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start the browser; returns it with the ends of its pipes to write to and to read from."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    its_commands, to = os.pipe()
    read, its_answers = os.pipe()
    # Out of the way of the two numbers that the browser's ends get.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (its_commands, its_answers)]

    def connect() -> None:
        os.dup2(theirs[0], _COMMANDS)
        os.dup2(theirs[1], _ANSWERS)

    process = subprocess.Popen(
        command,
        preexec_fn=connect,
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder), "HOME": str(folder)},
    )
    for end in (its_commands, its_answers, *theirs):
        os.close(end)
    return process, to, read


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser; the test is skipped where it does not start."""
    # Its sockets need a short path, and it leaves much behind.
    with tempfile.TemporaryDirectory(prefix="fc", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            browser = Chromium(Path(folder))
        except ChromiumEndedError:
            pytest.skip("Chromium does not start here")
        yield browser
        browser.close()
