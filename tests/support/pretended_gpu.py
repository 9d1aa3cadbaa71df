"""A pretended GPU, for tests of what lies between the kernels: which tensor is where.

Under `PretendedGpu` tensors made on "cuda" are ordinary tensors that say that they
lie there, and every operation refuses, as a real GPU does, to mix the two
places or to hand memory of the GPU to NumPy. Kernels run as on the CPU.
"""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from xct4d.fields import time_spline, velocity
from xct4d.kernels import dispatch

CUDA = torch.device("cuda")
MAKERS = {
    torch.zeros,
    torch.ones,
    torch.empty,
    torch.full,
    torch.rand,
    torch.randn,
    torch.tensor,
    torch.arange,
    torch.linspace,
    torch.asarray,
}


# what makes the host wait for the GPU
WAITING = {"cpu", "item", "__float__", "__int__", "__bool__", "__index__", "tolist", "nonzero", "equal"}


class Generator(torch.Generator):
    """Of either device."""

    def __new__(cls, device="cpu"):
        return super().__new__(cls)

    def __init__(self, device="cpu"):
        super().__init__()


class PretendedGpu(TorchFunctionMode):
    """What is made on the host is marked; all else lies on the GPU. Gradients that autograd makes are never marked."""

    def __enter__(self):
        self._in_kernel = 0
        _forget()
        self.waits = []
        made, of_numpy = torch.nn.Parameter.__new__, torch.from_numpy

        def parameter(cls, data=None, requires_grad=True):
            return _marked(made(cls, data, requires_grad), on_host(data))

        self._patches = [
            patch.object(dispatch.Twins, "__call__", self._kernel),
            patch.object(torch.nn.Parameter, "__new__", parameter),
            patch.object(
                torch.cuda, "current_stream", lambda: SimpleNamespace(record_event=lambda: SimpleNamespace(synchronize=lambda: None))
            ),
            patch.object(torch.cuda, "mem_get_info", lambda: (2**34, 2**34)),
            patch.object(torch, "Generator", Generator),
            patch.object(torch, "from_numpy", lambda array: _marked(of_numpy(array), not self._in_kernel)),
        ]
        for each in self._patches:
            each.start()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        for each in self._patches:
            each.stop()
        _forget()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if self._in_kernel:
            return function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if function == torch.Tensor.device.__get__:
            return torch.device("cpu") if on_host(args[0]) else CUDA
        if function == torch.Tensor.is_cuda.__get__:
            return not on_host(args[0])
        if name in ("numpy", "__array__") and not on_host(args[0]):
            raise TypeError("can't convert cuda device type tensor to numpy")
        if name in WAITING and not on_host(args[0]):
            self.waits.append(name)
        if function in (torch.Tensor.to, torch.Tensor.cpu, torch.nn.Module.to):
            return self._move(function, args, kwargs)
        if function is torch.Tensor.pin_memory:
            pinned = _marked(torch.Tensor.clone(args[0]), host=True)
            pinned._is_pinned_there = True
            return pinned
        if function in MAKERS:
            there = torch.device(kwargs.pop("device", None) or "cpu").type == "cuda"
            kwargs.pop("pin_memory", None)
            return _marked(function(*args, **kwargs), not there)
        if function == torch.Tensor.data.__set__:
            function(*args)
            return _marked(args[0], on_host(args[1]))
        if "device" in kwargs:
            raise NotImplementedError(f"{name} with a device")
        if name in ("copy_", "__get__", "__set__", "__setitem__", "backward", "_has_compatible_shallow_copy_type"):
            return self._derived(function, args, kwargs, tensors[:1])
        placed = [tensor for tensor in tensors if tensor.dim() > 0]
        if len({on_host(tensor) for tensor in placed}) > 1:
            raise RuntimeError(f"{name}: expected all tensors to be on the same device, but found cuda:0 and cpu")
        return self._derived(function, args, kwargs, placed or tensors)

    def _derived(self, function, args, kwargs, tensors):
        return _marked(function(*args, **kwargs), bool(tensors) and on_host(tensors[0]))

    def _move(self, function, args, kwargs):
        tensor, *rest = args
        target = next((torch.device(a) for a in [*rest, kwargs.get("device")] if isinstance(a, (str, torch.device))), None)
        if function is torch.Tensor.cpu:
            target = torch.device("cpu")
        if target is None:
            return _marked(function(*args, **kwargs), on_host(tensor))
        host = target.type == "cpu"
        if host == on_host(tensor):
            return tensor
        if not kwargs.get("non_blocking") or not (host or hasattr(tensor, "_is_pinned_there")):
            self.waits.append("to")  # a copy from memory that is not pinned may wait too
        dtype = next((a for a in rest if isinstance(a, torch.dtype)), tensor.dtype)
        return _marked(torch.Tensor.clone(tensor).to(dtype), host)

    @property
    def _kernel(self):
        """In place of a call of Twins: the implementation for CPUs on either device."""
        mode = self

        def run(twins, *args):
            places = {on_host(a) for a in args if isinstance(a, torch.Tensor) and a.dim() > 0}
            if places == {True, False}:
                raise RuntimeError(f"{twins.cpu.__module__}.{twins.cpu.__name__}: tensors of both devices")
            if on_host(args[0]):
                return twins.cpu(*args)
            mode._in_kernel += 1
            args = [a.float() if isinstance(a, torch.Tensor) and a.dtype == torch.half else a for a in args]
            try:
                return twins.cpu(*args)
            finally:
                mode._in_kernel -= 1

        return run


def _forget():
    """Tensors that were kept elsewhere do not say where they lie."""
    for kept in (time_spline._weights, velocity._bending_matrices):
        kept.cache_clear()


def on_host(tensor: torch.Tensor) -> bool:
    return getattr(tensor, "_made_on_host", False)


def _marked(result, host: bool):
    for leaf in tree_leaves(result):
        if isinstance(leaf, torch.Tensor):
            leaf._made_on_host = host
    return result
