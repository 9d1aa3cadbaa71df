"""The interface between a training stage and the loop that trains it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.training.inspection.held_out import Comparison
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.losses.term import Term
from xct4d.training.sampling.micro_batch import MicroBatch

Drawn = TypeVar("Drawn")  # what a task draws for a micro-batch; the terms of its loss are functions of it


class TrainingTask(ABC, Generic[Drawn]):
    """What one stage trains. A subclass sets the attributes in its constructor and implements the methods.

    A term of the loss or a group of parameters is added by putting it into
    `terms` or `groups`; the loop treats all of them alike.
    """

    title: str  # in progress lines and errors
    rate_key: str  # key of the configuration that sets the learning rate: what to lower where the loss diverges
    steps: int
    rays: int  # of a step
    device: torch.device
    groups: Sequence[ParameterGroup]
    terms: Sequence[Term[Drawn]]  # the loss is their weighted sum, added up in this order
    buffers: Mapping[str, Tensor] = {}  # tensors that training changes without a gradient; they go into checkpoints

    @abstractmethod
    def draw(self, micro_batch: MicroBatch) -> Callable[[], Drawn]:
        """Begin to draw the rays and points of a micro-batch; calling the result finishes it.

        On a GPU the loop begins one micro-batch before it is used, so that the
        host does not wait. All random numbers come from `micro_batch.random`:
        a resumed run then draws what an undisturbed one did.
        """

    @abstractmethod
    def compare(self) -> list[Comparison]:
        """Held-out projections beside their predictions, as the parameters are now."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Numbers that TensorBoard shows as curves, as the parameters are now."""

    @abstractmethod
    def inspect(self, board: SummaryWriter, step: int) -> None:
        """Write the task's own images for TensorBoard."""
