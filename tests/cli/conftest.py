"""Commands that are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fcsearch.cli import main


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must end with exit code 2 and a message alone; returns the message."""

    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        assert "Traceback" not in said.err
        return said.err

    return run
