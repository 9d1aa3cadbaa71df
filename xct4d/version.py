"""The version of the program. A module of its own: a new number alone is no new code of any stage but the report."""

VERSION = "0.1.0"
