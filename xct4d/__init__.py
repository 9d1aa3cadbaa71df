"""4D X-ray CT of things that deform too fast to scan."""

__version__ = "0.1.0"
