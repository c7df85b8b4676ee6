"""Denormal numbers are 0 while a pack trains, and to the caller what they were."""

from collections.abc import Callable, Iterator

import pytest
import torch

from fcsearch.training import Pack, TrainingData, TrialConfig
from fcsearch.training.data import Batch
from fcsearch.training.denormals import flushes_denormals
from fcsearch.training.lane import Lane

Digits = Callable[[torch.dtype], TrainingData]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = flushes_denormals()
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU does not flush denormals")
    yield
    torch.set_flush_denormal(before)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_training_flushes_and_gives_back_what_was(
    digits: Digits, before: bool, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_flush_denormal(before)
    seen: list[tuple[bool, bool]] = []
    train = Lane.train

    def watched(lane: Lane, chunk: Batch, number: int) -> None:
        seen.append((flushes_denormals(), (torch.tensor([1e-39]) * 1).item() == 0))
        if fails:
            raise RuntimeError("stop here")
        train(lane, chunk, number)

    monkeypatch.setattr(Lane, "train", watched)
    pack = Pack([TrialConfig(hidden_dims=(4,), epochs=1)], digits(torch.float32))
    if fails:
        with pytest.raises(RuntimeError, match="stop here"):
            pack.train_epoch()
    else:
        pack.train_epoch()
    assert set(seen) == {(True, True)}
    assert flushes_denormals() is before
    assert ((torch.tensor([1e-310], dtype=torch.float64) * 1).item() == 0) is before
