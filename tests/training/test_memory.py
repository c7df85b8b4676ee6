import dataclasses
import gc
from collections.abc import Callable

import pytest
import torch

from fcsearch.training import Pack, TrainingData, TrialConfig
from fcsearch.training.memory import pack_bytes

CONFIGS = [
    [TrialConfig(hidden_dims=(400,), update_rule="adam")] * 4,
    [TrialConfig(hidden_dims=(300, 300), update_rule="sgd", dropout=0.5, batch_size=400)],
    [TrialConfig(hidden_dims=(), input_dropout=rate, batch_size=500) for rate in (0.1, 0.2, 0.3, 0.4)],
    [
        TrialConfig(hidden_dims=(), update_rule="rmsprop"),
        TrialConfig(hidden_dims=(500, 20), update_rule="sgd_momentum"),
    ],
    [TrialConfig(preprocessing="periodic", frequencies=30, embedding_dim=9, hidden_dims=(50,), input_dropout=0.1)] * 2,
]


def held() -> int:
    gc.collect()
    tensors = [found for found in gc.get_objects() if type(found) is torch.Tensor]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.filterwarnings("ignore")  # looking at every object of the process wakes deprecated ones
@pytest.mark.parametrize("configs", CONFIGS)
def test_the_estimate_is_what_a_pack_holds(
    digits: Callable[[torch.dtype], TrainingData], configs: list[TrialConfig]
) -> None:
    data = dataclasses.replace(digits(torch.float32), form=configs[0].input_form, numbers=60)
    estimate = pack_bytes(configs, data)
    before = held()
    pack = Pack(configs, data)
    pack.train_epoch()
    taken = held() - before
    assert pack.alive
    assert 0.7 * taken < estimate < 1.6 * taken
