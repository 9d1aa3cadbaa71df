"""The training tasks: what a canonical field, one level of the velocity field and the mixing coefficient are fitted to, and how."""
