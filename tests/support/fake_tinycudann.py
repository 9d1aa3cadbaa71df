"""In place of tinycudann on machines without a GPU: one of its classes, written from the documented behaviour of tiny-cuda-nn 2.

Called as the real one; all parameters in one float32 vector; half precision
inside and out; inputs and outputs padded to 16. Slow, and independent of the
kernels and references of this program.
"""

import torch

freed = 0


def free_temporary_memory():
    global freed
    freed += 1


class NetworkWithInputEncoding(torch.nn.Module):
    made = 0

    def __init__(self, n_input_dims, n_output_dims, encoding_config, network_config, seed=1337):
        super().__init__()
        assert (n_input_dims, n_output_dims) == (3, 1)
        assert (encoding_config["otype"], encoding_config["n_features_per_level"]) == ("HashGrid", 2)
        assert network_config == {
            "otype": "FullyFusedMLP", "activation": "ReLU", "output_activation": "None", "n_neurons": network_config["n_neurons"], "n_hidden_layers": 1
        }  # fmt: skip
        self.width = network_config["n_neurons"]
        if self.width not in (16, 32, 64, 128):
            raise RuntimeError(f"FullyFusedMLP only supports 16, 32, 64, and 128 neurons, but got {self.width}")
        base, factor = encoding_config["base_resolution"], torch.tensor(encoding_config["per_level_scale"]).log2()
        self.levels, start = [], 0
        for level in range(encoding_config["n_levels"]):
            scale = float(torch.exp2(level * factor) * base - 1)  # single precision, as there
            resolution = -int(-scale // 1) + 1
            size = min((resolution**3 + 7) // 8 * 8, 2 ** encoding_config["log2_hashmap_size"])
            self.levels.append((scale, resolution, start, size))
            start += size
        self.inputs = (2 * len(self.levels) + 15) // 16 * 16
        self.n_weights = (self.inputs + 16) * self.width
        self.params = torch.nn.Parameter(torch.rand(self.n_weights + 2 * start, device="cuda") * 1e-4)
        self.loss_scale = 128.0
        type(self).made += 1

    def forward(self, x):
        assert x.is_cuda
        assert len(x) > 0
        assert x.min() >= 0
        assert x.max() <= 1
        params = self.params.to(torch.half)
        first = params[: self.inputs * self.width].reshape(self.width, self.inputs)
        last = params[self.inputs * self.width : self.n_weights].reshape(16, self.width)
        table = params[self.n_weights :].reshape(-1, 2)
        rows = []
        for scale, resolution, start, size in self.levels:
            place = x * scale + 0.5
            cell = place.floor().long()
            fraction = place - cell
            total = torch.zeros(len(x), 2, device="cuda")
            for corner in range(8):
                at, weight = [], 1.0
                for axis in range(3):
                    upper = corner >> axis & 1
                    at.append(cell[:, axis] + upper)
                    weight = weight * (fraction[:, axis] if upper else 1 - fraction[:, axis])
                if size >= resolution**3:
                    index = at[0] + resolution * at[1] + resolution * resolution * at[2]
                else:
                    index = at[0] ^ (at[1] * 2654435761) % 2**32 ^ (at[2] * 805459861) % 2**32
                total = total + weight[:, None] * table[start + index % size].float()
            rows.append(total.to(torch.half))
        encoded = torch.cat([*rows, torch.zeros(len(x), self.inputs - 2 * len(self.levels), device="cuda").to(torch.half)], 1)
        hidden = torch.relu(encoded @ first.T)
        return (hidden @ last.T)[:, :1]
