"""How a training is watched: whole projections rendered from the model, compared with held-out ones, and slices for TensorBoard."""
