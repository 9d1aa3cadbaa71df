"""The one exception a user is meant to read."""


class InputError(Exception):
    """Bad input, told in one line: where it is, what is wrong, what to do.

    Stages raise it for anything a user can mend (a file, a key, a frame). The
    workflow scripts print it as a single line and exit with status 1; every
    other exception is a defect of the program and keeps its traceback.
    """

    def __init__(self, what: str, *, where: object = None, fix: str | None = None):
        line = " ".join(what.split())
        if where is not None:
            line = f"{' '.join(str(where).split())}: {line}"  # a name from a file may hold line breaks
        if fix is not None:
            line = f"{line}; {' '.join(fix.split())}"
        super().__init__(line)
