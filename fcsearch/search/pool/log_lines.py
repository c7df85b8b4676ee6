"""A worker's warnings, so that they reach the run's log from any process and any node."""

from __future__ import annotations

import logging


class LogLines(logging.Handler):
    """Collects warnings, Python's own too, from the moment that it is made."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self._lines: list[str] = []
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as a line."""
        self._lines.append(f"{record.levelname} {record.name}: {record.getMessage().strip()}")

    def take(self) -> tuple[str, ...]:
        """The lines since the last call."""
        lines, self._lines = tuple(self._lines), []
        return lines
