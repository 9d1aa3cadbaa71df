"""Adam over groups of parameters, each with a rate of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xct4d.kernels.adam import adam_step


class Adam:
    """Adam (Kingma and Ba 2015). First and second moments lie on the device of their parameters and go into checkpoints."""

    def __init__(self, parameters: dict[str, dict[str, nn.Parameter]]):
        """parameters: {group: {name: parameter}}."""
        self.parameters = parameters
        self.moments = {
            (group, name): (torch.zeros_like(p), torch.zeros_like(p)) for group, named in parameters.items() for name, p in named.items()
        }

    @torch.no_grad()
    def step(self, count: int, rates: dict[str, float]) -> None:
        """Change the parameters by the count-th step (from 1), then drop all gradients.

        rates: learning rate of each group. A group with rate 0 stays as it is;
        its gradients are dropped too, so that they do not add up over the steps.
        """
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
        """Parameters and their first and second moments by the names they have in a checkpoint."""
        out = {}
        for (group, name), (first, second) in self.moments.items():
            out[f"{group}.{name}"] = self.parameters[group][name].detach()
            out[f"{group}.{name}.first"] = first
            out[f"{group}.{name}.second"] = second
        return out

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Copy parameters and moments from the result of `tensors`, as a checkpoint returns it."""
        for key, tensor in self.tensors().items():
            tensor.copy_(tensors[key])
