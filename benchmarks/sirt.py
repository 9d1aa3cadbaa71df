"""The simultaneous iterative reconstruction technique on the same views, to compare a canonical with.

    python -m benchmarks.sirt results/nikon_balls/prepared/forward --resolution 192 --iterations 100

The frames that are trained on are fitted (xct4d.reconstruction.sirt), the
held-out ones predicted. Prints one JSON object.
"""

from __future__ import annotations

import time

from benchmarks.fdk import parser, report
from xct4d.io import prepared
from xct4d.reconstruction.sirt import ITERATIONS, simultaneous_iterations


def main() -> None:
    own = parser(__doc__)
    own.add_argument("--iterations", type=int, default=ITERATIONS)
    arguments = own.parse_args()
    frames = prepared.load(arguments.prepared)
    simultaneous_iterations(frames, 4, 1)  # compiles
    start = time.perf_counter()
    volume = simultaneous_iterations(frames, arguments.resolution, arguments.iterations)
    report(arguments, frames, volume, time.perf_counter() - start, "SIRT")


if __name__ == "__main__":
    main()
