"""The version of the program.

It has a module of its own because scripts are run again when a module that they
import changes: only the report states the version, so only the report is made
anew for a new number.
"""

VERSION = "0.1.0"
