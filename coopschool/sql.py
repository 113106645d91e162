"""Named statements from `.sql` files. Each begins with ``-- name: what_it_is`` and says what it answers."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


@cache
def statements(package: str, file: str) -> dict[str, LiteralString]:
    """The statements of one file in a package, by name."""
    text = (files(package) / file).read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    # The text comes from our own package, so it is as literal as if it stood in the code.
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
