"""The same functions in plain torch, differentiable by autograd: what tests and benchmarks compare the others with."""
