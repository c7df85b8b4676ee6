"""Portfolios: configurations that do well on several tables of learning curves, to be tried first on other data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from curve_table import CurveTable

Floats = npt.NDArray[np.float64]


def portfolio(tables: Sequence[CurveTable], count: int) -> list[int]:
    """Rows that did best on these tables: each gains most, for its time, over those before it.

    What a row misses on a table is its distance to the best row, in units of that of the median row: as much as any row
    can miss. Tables of one space have the same configuration in the same row.
    """
    rows = min(map(len, tables), default=0)
    missed = np.array([_missed(table, rows) for table in tables])
    cost = np.mean([_seconds(table, rows) for table in tables], axis=0) if tables else np.ones(0)
    found: list[int] = []
    left = np.ones((len(tables), 1))
    for _ in range(min(count, rows)):
        gains = np.maximum(left - missed, 0).mean(axis=0)
        gains[found] = -1
        found.append(int((gains / cost).argmax()))
        left = np.minimum(left, missed[:, found[-1:]])
    return found


def source(name: str) -> str:
    """The data of a table, by its name: tasks of the same rows tell too much of each other."""
    return name.split("-")[0].split("_")[0]


def space(name: str) -> str:
    """The space of a table, by its name."""
    return name.split("-")[1]


def _missed(table: CurveTable, rows: int) -> Floats:
    gains = np.array([table.gain(row) for row in range(rows)])
    best, median = gains.max(), np.median(gains)
    missed: Floats = np.clip((best - gains) / (best - median), 0, 1)
    return missed


def _seconds(table: CurveTable, rows: int) -> Floats:
    """What each row takes to its end, in units of the mean."""
    found = np.array([len(table.curves[row]) * table.seconds[row] for row in range(rows)])
    shares: Floats = found / found.mean()
    return shares
