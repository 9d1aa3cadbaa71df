"""Terms of the training losses, one file for each kind.

A term (term.py) has a name, a weight and a function of what a task drew. The
functions are small classes: the constructor takes the fields that the term
compares, the call takes the drawn rays or points and returns a scalar.
"""
