"""Runs and folders for commands, and commands that are refused."""

from collections.abc import Callable

import pytest
from customers import customers
from run_fixtures import digits_run, empty_run, made_run, run
from small_space import here

from fcsearch.cli import main

__all__ = ["customers", "digits_run", "empty_run", "here", "made_run", "run"]


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
