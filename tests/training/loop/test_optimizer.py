"""Adam over groups of parameters."""

import torch

from xct4d.training.loop.optimizer import Adam


def test_a_step_leaves_no_gradients_not_even_of_a_group_that_stands_still():
    moving, still = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(3))
    adam = Adam({"field": {"x": moving}, "flat_field": {"f": still}})
    (moving + still).sum().backward()
    adam.step(1, {"field": 0.1, "flat_field": 0.0})
    assert moving.grad is None
    assert still.grad is None
    assert (moving < 0).all()
    assert (still == 0).all()
