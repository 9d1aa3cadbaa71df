"""The device on which a stage computes: the CPU, or a GPU that no other job of this machine uses."""

from __future__ import annotations

import errno
import gc
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch

from xct4d.config import Device
from xct4d.errors import InputError
from xct4d.progress import say

HOST = torch.device("cpu")
LEASE = "xct4d-gpu"  # what the names of leases begin with
LOOK_AGAIN = 0.5  # seconds


@contextmanager
def leased(setting: Device) -> Iterator[torch.device]:
    """The device that the configuration asks for, for as long as the block lasts.

    auto: a CUDA GPU where there is one, else the CPU. A GPU is leased: where
    others hold them all, this waits. Enter the block before anything touches
    CUDA, which looks for devices once. Raises InputError where cuda is asked
    for and cannot be had.
    """
    names = [] if setting == "cpu" else visible()
    if names and (missing := _missing()) is not None:
        if setting == "cuda":
            raise InputError(missing, where="device: cuda", fix="pip install 'xct4d[cuda]', or set device: cpu")
        say(f"the CPU computes though there is a GPU: {missing} (pip install 'xct4d[cuda]')")
        names = []
    if not names:
        if setting == "cuda":
            raise InputError(
                "PyTorch finds no CUDA GPU", where="device: cuda", fix="check nvidia-smi and that torch is a CUDA build, or set device: cpu"
            )
        yield HOST
    else:
        lease, name = _lease(names)
        os.environ |= {"CUDA_VISIBLE_DEVICES": name, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        try:
            yield torch.device("cuda")
        finally:
            if torch.cuda.is_initialized():
                gc.collect()
                torch.cuda.empty_cache()  # the next one plans with what it finds free
            lease.close()


def sent(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """An array as a tensor on the device. The host does not wait until it is there."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # from other memory a copy may wait for all that was launched before
    return tensor.to(device, non_blocking=True)


class Fetched:
    """A small tensor on its way to the host. Reading it waits for what was launched before it was fetched, not for what came after."""

    def __init__(self, tensor: torch.Tensor):
        self._copied = None
        self._values = tensor.detach()
        if tensor.is_cuda:
            self._values = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(self._values, non_blocking=True)
            self._copied = torch.cuda.current_stream().record_event()

    def read(self) -> torch.Tensor:
        if self._copied is not None:
            self._copied.synchronize()
        return self._values


def free_memory() -> None:
    """Return to the GPU what torch and tinycudann, each unknown to the other, reserve between their calls."""
    if (loaded := sys.modules.get("tinycudann")) is not None:
        loaded.free_temporary_memory()
    torch.cuda.empty_cache()


def visible() -> list[str]:
    """Names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them; starts nothing on them."""
    count = torch.cuda.device_count()  # by the driver's management library, where CUDA has not started yet
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [str(index) for index in range(count)] if chosen is None else [name.strip() for name in chosen.split(",")][:count]


def _missing() -> str | None:
    """What the kernels need beside a GPU and do not find."""
    if find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    try:
        import_module("numba.cuda")
        import_module("cuda.core")
    except Exception as error:  # noqa: BLE001 - beside a numba that it does not know it fails in any way
        return f"numba-cuda does not load ({error})"
    return None


def _lease(names: list[str]) -> tuple[socket.socket, str]:
    """(lease, name) of the first free GPU.

    A lease is a socket with the GPU's name in Linux's abstract namespace, which
    all users of a machine share: one process at a time can have it, it ends with
    the process, and there is no file that another user could plant or remove.
    """
    # SLURM gives its jobs devices of their own and may call each job's first one 0
    allocation = os.environ.get("SLURM_JOB_ID", "machine")
    told = False
    while True:
        for name in names:
            lease = socket.socket(socket.AF_UNIX)
            try:
                lease.bind(f"\0{LEASE}-{allocation}-{name}")
            except OSError as error:
                lease.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            lease.listen()  # so that others can ask who has it
            return lease, name
        if not told:
            told = True
            holders = [_holder(f"\0{LEASE}-{allocation}-{name}") for name in names]
            say(f"waits for a GPU: {'it is' if len(names) == 1 else f'all {len(names)} are'} in use by {', '.join(holders)}")
        time.sleep(LOOK_AGAIN)


def _holder(address: str) -> str:
    """Which process has a lease."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(LOOK_AGAIN)
        try:
            asking.connect(address)
            process, user, _ = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        except OSError:  # it has just ended, or does not want to be asked
            return "another process"
    return f"process {process} of user {user}"
