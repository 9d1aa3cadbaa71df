"""Checks: do projections, geometry and known volumes fit each other?

No format can say it, but the numbers show it. Each check takes what a reader
or the preparation made and raises InputError, or says what it found.
"""
