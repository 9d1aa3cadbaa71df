"""A step in micro-batches, and the memory that runs out."""

import sys

import fake_tinycudann
import pytest
import torch

from xct4d.errors import InputError
from xct4d.training.loop.accumulation import AccumulatedGradients
from xct4d.training.loop.optimizer import Adam
from xct4d.training.sampling.micro_batch import MicroBatch

FULL = torch.OutOfMemoryError("CUDA out of memory")


def setup(most_rays, micro_batches=1, full=FULL):
    """A step whose loss is the mean over random rays, on a device that holds so many at once."""
    weight = torch.nn.Parameter(torch.ones(3))
    tried = []

    def losses(micro_batch):
        rays = micro_batch.part_of(100)
        tried.append(rays)
        x = torch.from_numpy(micro_batch.random(7, "test").normal(size=(rays, 3))).float()
        loss = ((x * weight).sum(1) - 1).square().mean()
        if rays > most_rays:
            raise full
        return {"loss": loss, "double": 2 * loss}

    return AccumulatedGradients("test", losses, Adam({"field": {"weight": weight}}), micro_batches), weight, tried


def test_micro_batches_add_up():
    assert sum(MicroBatch(0, index, 7).part_of(100) for index in range(7)) == 100
    assert MicroBatch(3, 0, 1).part_of(100) == 100
    draws = [MicroBatch(3, index, 2).random(0, "a").random() for index in range(2)]
    assert len({*draws, MicroBatch(3).random(0, "a").random()}) == 3


def test_what_follows_a_micro_batch():
    micro_batch, seen = MicroBatch(0, 0, 2), []
    for _ in range(4):
        seen.append((micro_batch.step, micro_batch.index))
        micro_batch = micro_batch.following()
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_full_memory_halves_the_batch_and_goes_on(capsys):
    gradients, weight, tried = setup(most_rays=30)
    terms = gradients.of(5)
    assert tried == [100, 50, 25, 25, 25, 25]
    assert "the GPU's memory is full at step 5; goes on with steps of 4 parts" in capsys.readouterr().err
    planned, same, _ = setup(most_rays=30, micro_batches=4)
    wanted = planned.of(5)
    assert torch.equal(weight.grad, same.grad)
    assert {name: float(term) for name, term in terms.items()} == {name: float(term) for name, term in wanted.items()}
    gradients.of(6)
    assert tried[6:] == [25] * 4  # once is enough


@pytest.mark.parametrize(
    "full",
    [
        RuntimeError("cuMemCreate(&handle) failed: CUDA_ERROR_OUT_OF_MEMORY"),  # tinycudann
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        OSError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"),  # numba: no RuntimeError
    ],
)
def test_whoever_runs_out_of_memory(full, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycudann", fake_tinycudann)
    before = fake_tinycudann.freed
    gradients, _, tried = setup(most_rays=60, full=full)
    gradients.of(0)
    assert tried == [100, 50, 50]
    assert fake_tinycudann.freed == before + 1


def test_another_error_is_none_of_the_memory():
    gradients, _, tried = setup(most_rays=60, full=RuntimeError("an illegal memory access was encountered"))
    with pytest.raises(RuntimeError, match="illegal"):
        gradients.of(0)
    assert tried == [100]


def test_the_gradient_of_micro_batches_is_that_of_the_whole():
    results = []
    for micro_batches in (1, 5):
        weight = torch.nn.Parameter(torch.ones(3))
        rays = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))

        def losses(micro_batch, weight=weight, rays=rays):
            first = micro_batch.index * 100 // micro_batch.count
            return {"loss": ((rays[first : first + micro_batch.part_of(100)] * weight).sum(1) - 1).square().mean()}

        terms = AccumulatedGradients("test", losses, Adam({"field": {"weight": weight}}), micro_batches).of(0)
        results.append((weight.grad, terms["loss"]))
    assert torch.allclose(results[0][0], results[1][0], rtol=1e-5)
    assert torch.allclose(results[0][1], results[1][1], rtol=1e-5)


def test_a_step_that_never_fits_is_an_error():
    gradients, weight, _ = setup(most_rays=0)
    with pytest.raises(InputError, match="not even a 64th of a step fits the GPU's memory"):
        gradients.of(0)
    assert weight.grad is None
