"""Typed calls of the compiled kernels: what they are given is checked once, when a call is bound to its arrays."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from fcsearch.training.engine.native.array_layout import Call, Layout

REALS = {torch.float32: "float", torch.float64: "double"}

# The arguments of each kernel after the layout, in order; see the files of GPU_SOURCES.
#   a, b, c   arrays (outer, members, inner) of the layout's first, second and third strides
#   bits      int16 (outer, inner), contiguous, shared by the members
#   value     one value a member, contiguous
#   source    (rows, inner), contiguous, from which rows are taken
#   labels    int64 (rows,), contiguous
#   order     int64 (steps, outer), contiguous: the rows that a step takes
#   number    int64 (1,): that of the step
SIGNATURES: dict[str, tuple[str, ...]] = {
    "sgd": ("a", "b", "value"),
    "sgd_momentum": ("a", "b", "c", "value", "value"),
    "rmsprop": ("a", "b", "c", "value", "value", "value"),
    "adam": ("a", "b", "c", "c", "value", "value", "value", "value"),
    "nadam": ("a", "b", "c", "c", "value", "value", "value", "value", "value"),
    "lion": ("a", "b", "c", "value", "value", "value"),
    "dropout": ("a", "bits", "value", "value", "b"),
    "bias_relu": ("a", "c"),
    "bias_relu_dropout": ("a", "c", "bits", "value", "value"),
    "relu_back": ("a", "b", "c", "value"),
    "softmax_loss": ("a", "b", "c", "value", "value"),
    "take_rows": ("a", "source", "order", "number"),
    "take_classes": ("a", "labels", "order", "number"),
}
# How kernels share their arrays among threads, where it is not a value a thread: see FOR_EACH_... in layers.c.
WALKS = {"bias_relu": "units", "bias_relu_dropout": "units", "relu_back": "units", "softmax_loss": "columns"}

_ANY = -1  # a size that may be any


class Library(Protocol):
    """The compiled kernels."""

    def function(self, name: str, layout: Layout, arguments: int) -> Call:
        """A kernel over arrays of one layout: a function of so many addresses."""


class Kernel:
    """One compiled kernel for one type of numbers.

    Args:
        library: What a compiler made of GPU_SOURCES for this type.
        name: The kernel: a key of SIGNATURES.
        dtype: The type: a key of REALS.
        device: Where it runs.
    """

    def __init__(self, library: Library, name: str, dtype: torch.dtype, device: torch.device) -> None:
        self.name = name
        self.dtype = dtype
        self.device = device
        self._library = library
        self._signature = SIGNATURES[name]

    def bind(self, *arguments: Tensor) -> Call:
        """Check the first arguments of a call, and make one that lacks only the others.

        Args:
            arguments: The arrays, and as many of the kernel's other arguments as stay the same from call to call, in
                its order. The arrays must hold their memory as long as the call is used.

        Returns:
            A function of the addresses of the other arguments, as `addresses` gives them.

        Raises:
            ValueError: an argument whose shape, type, device or memory layout is none that the kernel takes.
        """
        kinds = self._signature[: len(arguments)]
        given = list(zip(kinds, arguments, strict=True))
        first = next(tensor for kind, tensor in given if kind == "a")
        if first.dim() != 3:
            raise self._refusal("an array (outer, members, inner)", first)
        like = {letter: next((t for kind, t in given if kind == letter), first) for letter in "abc"}
        for kind, tensor in given:
            if kind in like:
                self._check_array(tensor, like[kind], first.shape)
            else:
                self._check_flat(tensor, *self._flat(kind, *first.shape))
        layout = Layout(*first.shape, *(stride for tensor in like.values() for stride in tensor.stride()[:2]))
        fixed = (tensor.data_ptr() for tensor in arguments)
        return functools.partial(self._library.function(self.name, layout, len(self._signature)), *fixed)

    def rows(self, values: Tensor, members: int) -> list[int]:
        """The addresses of the rows of a contiguous tensor (rows, members) of the kernel's type; ValueError for others.

        Each row is one argument, a value a member.
        """
        self._check_flat(values, (values.shape[0], members), self.dtype)
        first, size = values.data_ptr(), members * values.element_size()
        return [first + row * size for row in range(values.shape[0])]

    def addresses(self, tensors: Sequence[Tensor], shape: tuple[int, ...]) -> list[int]:
        """The addresses of contiguous tensors of the kernel's type that all have this shape; ValueError for others."""
        for tensor in tensors:
            self._check_flat(tensor, shape, self.dtype)
        return [tensor.data_ptr() for tensor in tensors]

    def _check_array(self, tensor: Tensor, like: Tensor, shape: Sequence[int]) -> None:
        contiguous = tensor.shape[-1:] == (1,) or tensor.stride()[-1:] == (1,)
        same = tensor.shape == shape and tensor.stride()[:2] == like.stride()[:2]
        if not (same and contiguous and tensor.dtype == self.dtype and tensor.device == self.device):
            strides = f"the outer strides {like.stride()[:2]} and contiguous rows"
            raise self._refusal(f"an array {tuple(shape)} of {self.dtype} on {self.device} with {strides}", tensor)

    def _flat(self, kind: str, outer: int, members: int, inner: int) -> tuple[tuple[int, ...], torch.dtype]:
        """The shape and the type of an argument that is no array."""
        return {
            "bits": ((outer, inner), torch.int16),
            "value": ((members,), self.dtype),
            "source": ((_ANY, inner), self.dtype),
            "labels": ((_ANY,), torch.int64),
            "order": ((_ANY, outer), torch.int64),
            "number": ((1,), torch.int64),
        }[kind]

    def _check_flat(self, tensor: Tensor, shape: Sequence[int], dtype: torch.dtype) -> None:
        same = tensor.dim() == len(shape) and all(
            wanted in (_ANY, found) for wanted, found in zip(shape, tensor.shape, strict=True)
        )
        if not (same and tensor.dtype == dtype and tensor.is_contiguous() and tensor.device == self.device):
            sizes = str(tuple(shape)).replace(str(_ANY), "any")
            raise self._refusal(f"a contiguous tensor {sizes} of {dtype} on {self.device}", tensor)

    def _refusal(self, wanted: str, tensor: Tensor) -> ValueError:
        found = f"{tuple(tensor.shape)} of {tensor.dtype} on {tensor.device}, strides {tensor.stride()}"
        return ValueError(f"the kernel {self.name} must be given {wanted}; found {found}")


class CallSite:
    """A place where a kernel works on arrays (M, N, H), which nearly always lie where those of the last call did.

    Args:
        kernel: What is called there.
        fixed: Its arguments after the arrays.
    """

    def __init__(self, kernel: Kernel, *fixed: Tensor) -> None:
        self._kernel = kernel
        self._fixed = fixed
        self._places: list[tuple[object, ...]] = []
        self._call: Call | None = None

    def __call__(self, *arrays: Tensor) -> None:
        """Call the kernel on these arrays; those that lie elsewhere than at the last call are checked first."""
        places: list[tuple[object, ...]] = [
            (array.data_ptr(), array.shape, array.stride(), array.dtype) for array in arrays
        ]
        if self._call is None or places != self._places:
            # The kernels walk over the second axis first, as the first layer lies in memory.
            self._call = self._kernel.bind(*(array.transpose(0, 1) for array in arrays), *self._fixed)
            self._places = places
        self._call()
