"""The page for answering a survey, as HTML: one plain form, readable without style, usable without script.

Whatever people typed comes back in the page itself, never in its address. The page loads nothing: its style is in it
and is allowed by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import NamedTuple

from coopschool.api.wording import LANGUAGES
from coopschool.domain.instruments import Instrument, Item
from coopschool.domain.school.words import Language

TOKEN = "token"  # noqa: S105 - the field's name
ONLY_LANGUAGE = "only-language"  # sent with the form where it is to be shown in another language and nothing more
FORM = "answer"
NAMES: Mapping[Language, str] = {"fr": "Français", "nl": "Nederlands", "en": "English"}


class Wrong(NamedTuple):
    """What is wrong with a field of the form, in the reader's language; a name that no field has is shown apart."""

    field: str
    said: str


class Filled(NamedTuple):
    """What somebody has filled in: the token, and the points by item, as they came; and whether it is to be sent."""

    token: str = ""
    answers: Mapping[str, str] = {}
    only_language: bool = False


@cache
def words(language: Language) -> Mapping[str, str]:
    """Every sentence of the page and of the slips in one language."""
    text = (files("coopschool.api") / "pages" / f"answer.{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _file(name: str) -> str:
    return (files("coopschool.api") / "pages" / name).read_text(encoding="utf-8").strip()


@cache
def content_security() -> str:
    """The page's own policy: nothing but its style and its form."""
    style = base64.b64encode(hashlib.sha256(_file("answer.css").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def form(
    questions: Instrument,
    until: date,
    language: Language,
    filled: Filled = Filled(),  # noqa: B008 - frozen
    wrong: Iterable[Wrong] = (),
    *,
    uncertain: bool = False,
) -> str:
    """The form, with what was filled in before and what is wrong with it; `uncertain`: it may have arrived."""
    said, problems = words(language), {one.field: one.said for one in wrong}
    parts = [
        _summary(questions, language, problems, uncertain=uncertain),
        _paragraph(said["intro"]),
        _paragraph(said["until"].format(day=until.strftime("%d/%m/%Y"))),
        _paragraph(said["anonymous"]),
        _paragraph(said["not_validated"]),
        # The language is in the address, and nothing else.
        f'<form id="{FORM}" method="post" action="?lang={language}" novalidate>',
        _token(language, filled.token, problems.get(TOKEN)),
        f"<h2>{escape(said['statements'])}</h2>",
        _paragraph(said["statements_hint"].format(least=questions.min_items_per_dimension), "hint"),
        *(
            _statement(number, item, questions, language, filled.answers.get(item.code), problems.get(item.code))
            for number, item in enumerate(questions.items_of(), 1)
        ),
        _paragraph(said["final"], "final"),
        f'<button type="submit">{escape(said["send"])}</button>',
        "</form>",
    ]
    title = f"{said['error_prefix']}: {said['title']}" if problems or uncertain else said["title"]
    return _page(language, title, said["title"], "\n".join(filter(None, parts)), _buttons(language))


def notice(language: Language, heading: str, text: str) -> str:
    """A page that says one thing; both are names of sentences."""
    said = words(language)
    links = "".join(_link(other, current=other == language) for other in LANGUAGES)
    return _page(language, said[heading], said[heading], _paragraph(said[text]), f"<ul>{links}</ul>")


def _page(language: Language, title: str, heading: str, content: str, languages: str) -> str:
    return Template(_file("answer.html")).substitute(
        language=language,
        title=escape(title),
        style=_file("answer.css"),
        label=escape(words(language)["languages"]),
        languages=languages,
        heading=escape(heading),
        content=content,
    )


def _link(language: Language, *, current: bool) -> str:
    here = ' aria-current="true"' if current else ""
    return f'<li><a href="?lang={language}" lang="{language}" hreflang="{language}"{here}>{NAMES[language]}</a></li>'


def _buttons(language: Language) -> str:
    """The languages as buttons of the form: what is filled in goes along, and comes back in the other language.

    Enter in a text field presses a form's first button, which must not be one of these.
    """
    choices = "".join(f"<li>{_button(other, current=other == language)}</li>" for other in LANGUAGES)
    enter = f'<button type="submit" form="{FORM}" class="enter" tabindex="-1" aria-hidden="true"></button>'
    return f"{enter}<ul>{choices}</ul>"


def _button(language: Language, *, current: bool) -> str:
    if current:
        return f'<span lang="{language}" aria-current="true">{NAMES[language]}</span>'
    return (
        f'<button type="submit" form="{FORM}" formaction="?lang={language}" name="{ONLY_LANGUAGE}" value="{language}" '
        f'lang="{language}">{NAMES[language]}</button>'
    )


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _summary(questions: Instrument, language: Language, problems: Mapping[str, str], *, uncertain: bool) -> str:
    if not problems and not uncertain:
        return ""
    said, fields = words(language), {TOKEN, *questions.items}
    heading, hint = ("uncertain", "uncertain_hint") if uncertain else ("errors", "errors_hint")
    lines = "".join(
        f'<li><a href="#{field}">{escape(text)}</a></li>' if field in fields else f"<li>{escape(text)}</li>"
        for field, text in problems.items()
    )
    return (
        f'<div class="summary" role="alert" tabindex="-1" autofocus><h2>{escape(said[heading])}</h2>'
        f"{_paragraph(said[hint])}{f'<ul>{lines}</ul>' if lines else ''}</div>"
    )


def _token(language: Language, given: str, problem: str | None) -> str:
    said = words(language)
    described = "token-hint token-error" if problem else "token-hint"
    wrong = ' class="wrong" aria-invalid="true"' if problem else ""
    return (
        f'<label class="field" for="{TOKEN}">{escape(said["token"])}</label>'
        f'<p class="hint" id="token-hint">{escape(said["token_hint"])}</p>'
        f"{_problem(TOKEN, problem)}"
        f'<input type="text" id="{TOKEN}" name="{TOKEN}" value="{escape(given)}" required maxlength="40" '
        f'autocomplete="off" autocapitalize="characters" spellcheck="false" aria-describedby="{described}"{wrong}>'
    )


def _statement(
    number: int, item: Item, questions: Instrument, language: Language, given: str | None, problem: str | None
) -> str:
    spoken = language if getattr(item, language) else "fr"
    attributes = f' class="wrong" aria-describedby="{item.code}-error"' if problem else ""
    points = "".join(
        _choice(
            item.code,
            str(point),
            questions.scale.label(point, language),
            checked=given == str(point),
            # A group of buttons cannot be led to; its first button can.
            id=item.code if point == questions.scale.min else None,
        )
        for point in questions.scale.points
    )
    answered = given in {str(point) for point in questions.scale.points}
    none = _choice(item.code, "", words(language)["no_answer"], checked=not answered, kind=' class="none"')
    return (
        f"<fieldset{attributes}><legend>{number}. "
        f'<span lang="{spoken}">{escape(item.text(language))}</span></legend>'
        f"{_problem(item.code, problem)}{points}{none}</fieldset>"
    )


def _choice(code: str, value: str, label: str, *, checked: bool, id: str | None = None, kind: str = "") -> str:
    known = f' id="{id}"' if id else ""
    mark = " checked" if checked else ""
    return f'<label{kind}><input type="radio" name="{code}" value="{value}"{known}{mark}> {escape(label)}</label>'


def _problem(field: str, problem: str | None) -> str:
    return f'<p class="error" id="{field}-error">{escape(problem)}</p>' if problem else ""
