"""4D X-ray CT of things that deform too fast to scan."""
