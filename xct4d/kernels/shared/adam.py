"""Constants of Adam, as in Kingma and Ba (2015), section 2, but for a shorter memory and a smaller epsilon.

They are those of instant-ngp's training of hash tables (Mueller et al., ACM TOG
41(4), 2022, section 4): epsilon far below the gradients of a sparsely visited table.
"""

from __future__ import annotations

BETA1 = 0.9  # decay of the first moment
BETA2 = 0.99  # decay of the second moment
EPSILON = 1e-15
