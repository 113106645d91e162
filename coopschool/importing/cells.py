"""What one cell may hold, and the value that it stands for.

A parser takes the text of a cell that is not empty and the school's zone, and raises `BadCell`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, get_args
from zoneinfo import ZoneInfo

from coopschool.domain import bounds, quarters
from coopschool.domain.errors import Invalid

Parse = Callable[[str, ZoneInfo], Any]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LAST_MOMENT = timedelta(microseconds=1)


class BadCell(Exception):
    """A cell holds what its column cannot; the message says what it must be."""


def words(most: int) -> Parse:
    """Any text of at most so many characters."""

    def parse(text: str, _zone: ZoneInfo) -> str:
        if len(text) > most:
            raise BadCell(f"must have at most {most} characters")
        return text

    return parse


reference = words(200)
name = words(300)


def email(text: str, _zone: ZoneInfo) -> str:
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise BadCell("must be an e-mail address")
    return text


def code(text: str, _zone: ZoneInfo) -> str:
    """A module's code."""
    if not _CODE.fullmatch(text):
        raise BadCell("must be letters, digits, dots, dashes or underscores, 64 at most")
    return text


def one_of(literal: Any) -> Parse:
    """One of a published list, in capitals or not."""
    published: tuple[str, ...] = get_args(literal)
    folded = {value.casefold(): value for value in published}

    def parse(text: str, _zone: ZoneInfo) -> str:
        found = folded.get(text.casefold())
        if found is None:
            raise BadCell(f"must be one of {', '.join(published)}")
        return found

    return parse


def several(one: Parse) -> Parse:
    """Several values with | between them, each counted once."""

    def parse(text: str, zone: ZoneInfo) -> tuple[Any, ...]:
        parts = [part.strip() for part in text.split("|")]
        return tuple(dict.fromkeys(one(part, zone) for part in parts if part))

    return parse


def whole(least: int, most: int) -> Parse:
    """A whole number."""

    def parse(text: str, _zone: ZoneInfo) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise BadCell(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def quarter(text: str, _zone: ZoneInfo) -> str:
    """A quarter of a year, such as 2020Q1."""
    try:
        quarters.first_day(text.upper())
    except Invalid:
        raise BadCell("must be a quarter, such as 2020Q1") from None
    return text.upper()


def fraction(text: str, _zone: ZoneInfo) -> Decimal:
    """A share from 0 to 1; a decimal comma is accepted."""
    value = _decimal(text)
    try:
        bounds.fraction("", value)
    except Invalid:
        raise BadCell("must be a number from 0 to 1 with at most 3 decimals") from None
    return value


def hours(text: str, _zone: ZoneInfo) -> int:
    """Hours, as whole minutes."""
    minutes = _decimal(text) * 60
    if not minutes.is_finite() or minutes != int(minutes) or not 1 <= minutes <= 60 * 24 * 60:
        raise BadCell("must be a number of hours that makes whole minutes, 1440 at most")
    return int(minutes)


def day(text: str, zone: ZoneInfo) -> date:
    """A day; of a moment, its day in the school's zone."""
    return start(text, zone).date()


def start(text: str, zone: ZoneInfo) -> datetime:
    """A moment; a bare date is the start of that day in the school's zone, and so is a time without a zone there."""
    bare = _bare_date(text)
    return datetime.combine(bare, time.min, zone) if bare else _moment(text, zone)


def end(text: str, zone: ZoneInfo) -> datetime:
    """A moment; a bare date is the last moment of that day in the school's zone."""
    bare = _bare_date(text)
    return datetime.combine(bare + timedelta(days=1), time.min, zone) - _LAST_MOMENT if bare else _moment(text, zone)


def _bare_date(text: str) -> date | None:
    try:
        bare = date.fromisoformat(text)
    except ValueError:
        return None
    _within_calendar(bare)
    return bare


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except (ValueError, OverflowError):
        raise BadCell("must be an ISO 8601 date or date and time, such as 2026-03-02 or 2026-03-02T14:00") from None
    _within_calendar(moment.date())
    return moment


def _within_calendar(day: date) -> None:
    if not bounds.FIRST_DAY <= day <= bounds.LAST_DAY:
        raise BadCell(f"must be from {bounds.FIRST_DAY} to {bounds.LAST_DAY}")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise BadCell("must be a number") from None
