import pytest
from search_processes import commands
from victims import Measured

__all__ = ["commands"]


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Takes lines that are printed behind the tests, also if these ran in several processes."""
    return lambda text: request.node.user_properties.append(("measured", text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    lines = [
        text
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write("".join(f"{line}\n" for line in lines))
