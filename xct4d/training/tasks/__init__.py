"""The training tasks: canonical field, one level of the velocity field, mixing coefficient."""
