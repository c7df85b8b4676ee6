"""A pack as bytes goes on where it was, in any company."""

import contextlib
import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from varied_packs import VARIED, Digits

from fcsearch.errors import ConfigError
from fcsearch.training import MemberResult, Pack, TrainingData, TrialConfig, train_pack
from fcsearch.training.checkpoint import load

# Beside members that come to their end, one that diverges and one that is stopped after it.
MEMBERS = [
    *VARIED,
    TrialConfig(hidden_dims=(40, 40), learning_rate=1e200, epochs=5),
    TrialConfig(hidden_dims=(40, 40), update_rule="nadam", dropout=0.2, epochs=5),
    TrialConfig(hidden_dims=(40, 40), update_rule="lion", learning_rate=1e-3, epochs=5),
]
STOPPED = len(MEMBERS) - 1


def train(pack: Pack, *, until: int = 100) -> Pack:
    while pack.alive and pack.epoch < until:
        pack.train_epoch()
        if pack.epoch == 2:
            pack.stop(member for member in pack.alive if pack.configs[member] == MEMBERS[STOPPED])
    return pack


def assert_same(results: Sequence[MemberResult], expected: Sequence[MemberResult]) -> None:
    """To the last bit, but for times."""
    for found, other in zip(results, expected, strict=True):
        assert [dataclasses.replace(epoch, seconds=0) for epoch in found.epochs] == [
            dataclasses.replace(epoch, seconds=0) for epoch in other.epochs
        ]
        bare = {"epochs": (), "seconds": 0, "weights": {}}
        assert dataclasses.replace(found, **bare) == dataclasses.replace(other, **bare)
        assert found.weights.keys() == other.weights.keys()
        assert all(torch.equal(found.weights[name], weight) for name, weight in other.weights.items())


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_pack_goes_on_to_the_same_bits_wherever_it_is_cut(digits: Digits, dtype: torch.dtype) -> None:
    data = digits(dtype)
    expected = train(Pack(MEMBERS, data)).results()
    assert {result.state for result in expected} == {"complete", "stopped", "diverged"}
    everyone = range(len(MEMBERS))
    # Cut after each epoch, one after the other: a pack that goes on is saved like any other.
    pack = Pack(MEMBERS, data)
    for epoch in (1, 2, 3, 4):
        pack = Pack.restore(load(train(pack, until=epoch).saved({}).dump()), everyone, data)
        assert pack.epoch == epoch
    assert_same(train(pack).results(), expected)


def test_any_members_of_a_saved_pack_go_on_without_the_others(digits: Digits, arithmetic: str) -> None:
    data = digits(torch.float32)
    draw = random.Random(0)
    saved = load(train(Pack(MEMBERS, data), until=2).saved({}).dump())
    whole = train(Pack.restore(saved, range(len(MEMBERS)), data)).results()
    # See `Pack`: by torch operations products are rounded otherwise in other company.
    tolerance = 0.0 if arithmetic == "compiled" else 1e-4
    for count in (1, 1, 3, 8, 15):
        some = draw.sample(range(len(MEMBERS)), count)
        found = train(Pack.restore(saved, some, data)).results()
        for result, other in zip(found, [whole[member] for member in some], strict=True):
            assert (result.config, result.state, result.best_epoch) == (other.config, other.state, other.best_epoch)
            for name, weight in other.weights.items():
                torch.testing.assert_close(result.weights[name], weight, rtol=0, atol=tolerance)


def test_members_that_ended_are_saved_with_their_results(digits: Digits) -> None:
    data = digits(torch.float32)
    pack = train(Pack(MEMBERS, data), until=3)
    ended = [member for member in range(len(MEMBERS)) if member not in pack.alive]
    again = Pack.restore(load(pack.saved({}).dump()), ended, data)
    assert again.alive == ()
    assert_same(again.results(), [train(pack).results()[member] for member in ended])


def test_a_pack_that_keeps_its_last_weights_goes_on_to_them(digits: Digits) -> None:
    data = digits(torch.float32)
    config = TrialConfig(hidden_dims=(20,), learning_rate=0.7, epochs=20)
    expected = train(Pack([config], data, keep_last=True)).results()
    assert expected[0].best_epoch != 20
    saved = load(train(Pack([config], data, keep_last=True), until=15).saved({}).dump())
    assert_same(train(Pack.restore(saved, [0], data, keep_last=True)).results(), expected)


@pytest.mark.parametrize("objective", ["log_loss", "balanced_accuracy"])
def test_other_objectives_go_on(digits: Digits, objective: str) -> None:
    data = dataclasses.replace(digits(torch.float32), objective=objective)
    expected = train(Pack(MEMBERS[:6], data)).results()
    saved = load(train(Pack(MEMBERS[:6], data), until=2).saved({}).dump())
    assert_same(train(Pack.restore(saved, range(6), data)).results(), expected)
    with pytest.raises(ConfigError, match="epochs of another task"):
        Pack.restore(saved, range(6), digits(torch.float32))


def test_regressions_go_on(digits: Digits) -> None:
    rows = digits(torch.float32)
    y, y_val = rows.X_train.mean(1), rows.X_val.mean(1)
    data = TrainingData(rows.X_train, y, rows.X_val, y_val, 0, objective="rmse", target_scale=3.0)
    configs = [TrialConfig(hidden_dims=(20,), loss=loss, dropout=0.1, epochs=4) for loss in ("squared", "huber")]
    saved = load(train(Pack(configs, data), until=2).saved({}).dump())
    assert_same(train(Pack.restore(saved, (0, 1), data)).results(), train(Pack(configs, data)).results())


RESUME = """
import sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from fcsearch.training import Pack, TrainingData
from fcsearch.training.checkpoint import load
torch.set_num_threads(1)
data = TrainingData(**load_file(sys.argv[1]), num_classes=10)
saved = load(Path(sys.argv[2]).read_bytes())
pack = Pack.restore(saved, range(len(saved.configs)), data)
while pack.alive:
    pack.train_epoch()
save_file({f"{i}.{n}": w for i, r in enumerate(pack.results()) for n, w in r.weights.items()}, sys.argv[3])
"""


def test_a_saved_pack_goes_on_in_another_process(digits: Digits, tmp_path: Path) -> None:
    data = digits(torch.float64)
    rows = {name: getattr(data, name) for name in ("X_train", "y_train", "X_val", "y_val")}
    safetensors.torch.save_file(rows, tmp_path / "data")
    pack = Pack(VARIED, data)
    pack.train_epoch()
    (tmp_path / "pack").write_bytes(pack.saved({}).dump())
    arguments = [str(tmp_path / name) for name in ("data", "pack", "weights")]
    subprocess.run([sys.executable, "-c", RESUME, *arguments], check=True)
    resumed = safetensors.torch.load_file(tmp_path / "weights")
    for number, result in enumerate(train_pack(VARIED, data)):
        for name, weight in result.weights.items():
            assert torch.equal(resumed[f"{number}.{name}"], weight)


@pytest.fixture
def content(digits: Digits) -> bytes:
    """A small pack, of which one member has ended."""
    small = [TrialConfig(hidden_dims=(4,), update_rule="adam", epochs=epochs) for epochs in (1, 5)]
    return train(Pack(small, digits(torch.float32)), until=2).saved({"trials": [3, 4]}).dump()


def test_one_bit_flipped_and_a_cut_anywhere_are_seen(content: bytes) -> None:
    draw = random.Random(0)
    assert load(content).facts == {"trials": [3, 4]}
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        # Spaces that fill the header up mean nothing.
        with contextlib.suppress(ConfigError):
            assert load(bytes(damaged)).dump() == content
    for length in (0, 5, 8, 100, len(content) // 2, len(content) - 1):
        with pytest.raises(ConfigError, match="a checkpoint must be whole"):
            load(content[:length])


def forged(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The same with another state, and a checksum that fits."""
    saved = load(content)
    state = {field.name: getattr(saved, field.name) for field in dataclasses.fields(saved)}
    state = {**state, "tensors": dict(saved.tensors), "states": dict(saved.states)}
    change(state)
    found = object.__new__(type(saved))
    for name, value in state.items():
        object.__setattr__(found, name, value)
    return found.dump()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(epoch=7),
        lambda state: state.update(lanes=((0,),)),
        lambda state: state.update(lanes=((0, 1, 2),)),
        lambda state: state.update(lanes=()),
        lambda state: state.update(lengths=(2,)),
        lambda state: state.update(lengths=(-1, 2)),
        lambda state: state.update(states={0: "resting"}),
        lambda state: state.update(states={0: ["complete"]}),
        lambda state: state["tensors"].pop("history"),
        lambda state: state["tensors"].update(history=torch.zeros(3, 6)),
        lambda state: state["tensors"].update(history=torch.full((3, 6), float("nan"), dtype=torch.float64)),
        lambda state: state["tensors"].pop("lane0.adam.1.rest"),
        lambda state: state["tensors"].update({"lane0.weights.wide": torch.zeros(1, 3, 4)}),
        lambda state: state["tensors"].update({"lane0.best.rest": torch.zeros(0, 50)}),
        lambda state: state["tensors"].update({"lane0.adam.0.rest": torch.zeros(1, 50, dtype=torch.float64)}),
        lambda state: state["tensors"].update({"result0.W1": torch.zeros(2, 2)}),
        lambda state: [state["tensors"].pop(f"result0.{name}") for name in ("W1", "b1", "W2", "b2")],
    ],
)
def test_what_was_made_to_do_harm_is_refused(
    content: bytes, digits: Digits, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(ConfigError, match="a checkpoint must be whole, and fit its pack; found: "):
        Pack.restore(load(forged(content, change)), (0, 1), digits(torch.float32))


def test_what_is_no_checkpoint_is_refused() -> None:
    network = safetensors.torch.save({"W1": torch.zeros(2)})
    deep = safetensors.torch.save({"W1": torch.zeros(2)}, {"fcsearch.pack": "[" * 100_000, "fcsearch.checksum": ""})
    for found in (b"", b"PAR1", b"\x80\x04N.", network, deep, json.dumps({}).encode(), b"\xff" * 64):
        with pytest.raises(ConfigError, match="a checkpoint must be whole"):
            load(found)
