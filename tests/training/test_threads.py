"""Small work is done by one thread; larger work by those that there are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from search_helpers import make_space

from fcsearch.search.api import start_search
from fcsearch.search.options import SearchOptions
from fcsearch.training.threads import threads_for


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("multiplications", "threads"), [(0, 1), (1e7, 1), (1e10, 3)])
def test_threads_are_for_large_work(multiplications: float, threads: int) -> None:
    with threads_for(multiplications):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


def test_they_are_as_before_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), threads_for(1):
        raise ValueError("x")
    assert torch.get_num_threads() == 3


def test_a_small_search_concludes_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr("fcsearch.report.write_report", lambda *_, **__: found.append(torch.get_num_threads()))
    options = SearchOptions(pool="inline", confirm=0, trials=1)
    start_search(make_space(tmp_path), options, path=tmp_path / "run", command=["fcsearch"])
    assert found == [1]
