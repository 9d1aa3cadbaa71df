"""Test suites that the tests of an addition inherit, here or in another package. They need pytest.

`readers.py` has what every reader must do, `mixers.py` what every mixer must: a
subclass names the reader or the mixer and pytest runs the whole suite for it.
"""
