"""Random draws by key: the same seed and purpose always give the same numbers, whatever was drawn before."""

from __future__ import annotations

import hashlib
import json

import torch


def key(seed: int, *purpose: int | str) -> int:
    """Hash a seed and its purpose to a separate seed.

    Args:
        seed: The seed of a trial, a network or a solver.
        purpose: What the numbers are for, such as `"order", epoch`; 1 and `"1"` are two purposes.

    Returns:
        An integer in [0, 2**63): the same on every machine and in every process.
    """
    text = json.dumps([seed, *purpose], ensure_ascii=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *purpose: int | str) -> torch.Generator:
    """Make the random generator of one purpose, on the CPU.

    Args:
        seed: The seed of a trial, a network or a solver.
        purpose: What the numbers are for, such as `"order", epoch`; see `key`.
    """
    return torch.Generator().manual_seed(key(seed, *purpose))
