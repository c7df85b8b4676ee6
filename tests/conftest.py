"""Every test runs in surroundings of the suite's own, and the suite fails where something is left in them."""

from collections.abc import Iterator
from contextlib import ExitStack

import hygiene
import pytest
from chromium import chromium

__all__ = ["chromium"]

_stack = pytest.StashKey[ExitStack]()
_surroundings = pytest.StashKey[hygiene.Surroundings]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported that reads the environment once."""
    stack = config.stash[_stack] = ExitStack()
    found = config.stash[_surroundings] = stack.enter_context(hygiene.surroundings())
    if config.option.basetemp is None:
        config.option.basetemp = str(found.folder / "tests")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_surroundings].keep = exitstatus == pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[_surroundings]
    if found.keep:
        terminalreporter.write_line(f"The files of the tests are kept in {found.folder}")


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_stack].close()


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the session, as an error of its last test, where files or processes are left behind."""
    yield
    left = hygiene.left_behind(request.config.stash[_surroundings])
    assert not left, "left behind by some test:\n" + "\n".join(left)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a worker has it: steps in C run with one thread only."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def _exact_packs() -> None:
    """For tests of results to the last bit: skips where these depend on who trains beside a trial."""
    from varied_packs import require_exact_packs

    require_exact_packs()
