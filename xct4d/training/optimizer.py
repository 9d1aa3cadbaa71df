"""Adam over groups of parameters, each with a rate of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xct4d.kernels.adam import adam_step


class Adam:
    """parameters: {group: {name: parameter}}. Moments live beside the parameters and go into checkpoints."""

    def __init__(self, parameters: dict[str, dict[str, nn.Parameter]]):
        self.parameters = parameters
        self.moments = {
            (group, name): (torch.zeros_like(p), torch.zeros_like(p)) for group, named in parameters.items() for name, p in named.items()
        }

    @torch.no_grad()
    def step(self, count: int, rates: dict[str, float]) -> None:
        """The count-th step (from 1). Gradients are used up, those of groups with rate 0 too: the next step begins with none."""
        for (group, name), (first, second) in self.moments.items():
            parameter = self.parameters[group][name]
            if parameter.grad is None or rates[group] == 0:
                continue
            flat = (t.reshape(-1) for t in (parameter.data, parameter.grad.contiguous(), first, second))
            adam_step(*flat, rate=rates[group], step=count)
        self.forget()

    def forget(self) -> None:
        """Drop the gradients."""
        for named in self.parameters.values():
            for parameter in named.values():
                parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and moments, for a checkpoint."""
        out = {}
        for (group, name), (first, second) in self.moments.items():
            out[f"{group}.{name}"] = self.parameters[group][name].detach()
            out[f"{group}.{name}.first"] = first
            out[f"{group}.{name}.second"] = second
        return out

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        for key, tensor in self.tensors().items():
            tensor.copy_(tensors[key])
