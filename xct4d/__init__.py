"""4D X-ray CT of things that deform too fast to scan."""

from xct4d.kernels.compiled import choose_cache

choose_cache()
