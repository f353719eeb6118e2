"""The one error of the local stack: what happened, and what a person can do about it."""


class StackError(RuntimeError):
    """A fault of the local stack that a person can mend. `hint` says how; both are single sentences."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint
