"""The correlation loss."""

import numpy as np
import pytest
import torch

from xct4d.training.losses.correlation import correlation_loss


def test_correlation_loss():
    a = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert float(correlation_loss(a, 3 * a + 2)) == pytest.approx(0, abs=1e-6)
    assert float(correlation_loss(a, -a)) == pytest.approx(2, abs=1e-6)
    b = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    assert float(correlation_loss(a, b)) == pytest.approx(1 - np.corrcoef(a, b)[0, 1], abs=1e-5)
    assert float(correlation_loss(a, torch.ones(1000))) == pytest.approx(1)


@pytest.mark.parametrize("constant", ["first", "second", "both"])
def test_correlation_with_a_constant_has_a_gradient(constant):
    """An untrained field is constant, and so is a volume of air: one NaN would spoil every weight."""
    a = torch.ones(100) if constant in ("first", "both") else torch.arange(100.0)
    b = torch.ones(100) if constant in ("second", "both") else torch.arange(100.0)
    a.requires_grad_(True)
    correlation_loss(a, b).backward()
    assert a.grad.isfinite().all()
