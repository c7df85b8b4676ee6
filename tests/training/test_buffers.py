"""Where the weights of members lie."""

import pytest
import torch

from fcsearch.training.engine.buffers import Buffers, stack
from fcsearch.training.shape import Shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("hidden", [(), (5,), (7, 3)])
def test_members_that_lie_together_begin_at_a_cache_line_on_a_cpu(hidden: tuple[int, ...], dtype: torch.dtype) -> None:
    cpu, shape = torch.device("cpu"), Shape(11, hidden, 3)
    buffers = Buffers.zeros(shape, 5, device=cpu, dtype=dtype, by_member=True)
    selected = buffers.select(torch.tensor([4, 1, 2]))
    stacked = stack(shape, buffers.to_dicts([0, 3]), device=cpu, dtype=dtype, by_member=True)
    for found in (buffers, selected, stacked):
        rows = found.rows()
        assert rows["wide"].shape == (found.members, 12, shape.dims[1])
        assert rows["rest"].shape == (found.members, shape.rest)
        for member in range(found.members):
            assert rows["wide"][member].is_contiguous()
            assert rows["wide"][member].data_ptr() % 64 == 0
            assert rows["rest"][member].data_ptr() % 64 == 0


def test_kernels_of_a_gpu_find_contiguous_arrays() -> None:
    device, shape = torch.device("meta"), Shape(11, (5,), 3)
    buffers = Buffers.zeros(shape, 5, device=device, dtype=torch.float32, by_member=True)
    assert all(rows.is_contiguous() for rows in buffers.rows().values())
