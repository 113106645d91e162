"""What the API says to people, in their language: one message file per language, `messages/{fr,nl,en}.toml`.

A message is a title and a detail; `{name}` in them stands for a detail of the error. An English title that is not in
`en.toml` is the docstring of the error's class.
"""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, get_args

from coopschool.domain.school.words import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "en"


@cache
def messages(language: Language) -> Mapping[str, Mapping[str, str]]:
    """Every message of one language: code → {"title", "detail"} (either may be missing)."""
    text = (files("coopschool.api") / "messages" / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def title(code: str, language: Language, otherwise: str) -> str:
    return messages(language).get(code, {}).get("title", otherwise)


def detail(code: str, language: Language, details: Mapping[str, Any]) -> str | None:
    """The explaining sentence, or None where the title says it all."""
    template = messages(language).get(code, {}).get("detail")
    return template.format_map(_Blank({name: _said(value) for name, value in details.items()})) if template else None


@lru_cache(maxsize=256)
def preferred(accept_language: str | None) -> Language:
    """The language of ours that the reader likes best (RFC 9110 `Accept-Language`); English where none fits."""
    best: tuple[float, Language] = (0.0, DEFAULT)
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        for language in LANGUAGES:
            if language == primary and weight > best[0]:
                best = (weight, language)
    return best[1]


def _said(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else value


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class _Blank(dict[str, Any]):
    """A detail that the error does not carry reads as an ellipsis instead of failing the answer."""

    def __missing__(self, name: str) -> str:
        return "…"
