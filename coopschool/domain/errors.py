"""What can be wrong with a command. One class per rule; its docstring is the English title.

The reader's language comes from the message files of `coopschool.api`; the HTTP status is mapped once, in
`coopschool.api.problems`. `details` hold ids, codes, numbers and dates only, never names.
"""

import re
from typing import Any, ClassVar


class DomainError(Exception):
    """The command cannot be carried out."""

    code: ClassVar[str] = "domain-error"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__((self.__doc__ or self.code).strip().splitlines()[0].rstrip("."), details)

    def __str__(self) -> str:
        said = ", ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.args[0]} ({said})" if said else str(self.args[0])


class RuleBroken(DomainError):
    """A rule of the cooperative forbids it."""


class Unknown(DomainError):
    """There is no such thing."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(kind=kind, id=id)


class Forbidden(DomainError):
    """You may not do this."""


class Invalid(DomainError):
    """A value is not acceptable."""

    def __init__(self, field: str, **details: Any) -> None:
        super().__init__(field=field, **details)


class Stale(DomainError):
    """It has changed since you read it."""
