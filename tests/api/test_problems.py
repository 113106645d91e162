"""What people are told when something is wrong: in their language, with a type that stays, and nothing that leaks."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from litestar import Litestar, get
from litestar.testing import TestClient

import coopschool.domain
from coopschool.api import problems, wording
from coopschool.api.access import PUBLIC
from coopschool.api.app import SchoolApp
from coopschool.application import CoopSchool
from coopschool.domain.errors import DomainError, Invalid
from coopschool.domain.school.words import Language
from tests.api.callers import Callers


def school_errors() -> list[type[DomainError]]:
    """Every error of the school's domain, the vault and the bus."""
    for module in pkgutil.walk_packages(coopschool.domain.__path__, "coopschool.domain."):
        importlib.import_module(module.name)

    def below(error: type[DomainError]) -> Iterator[type[DomainError]]:
        yield error
        for each in error.__subclasses__():
            yield from below(each)

    ours = ("coopschool.domain.school", "coopschool.domain.errors", "coopschool.vault", "coopschool.command_bus")
    return [error for error in below(DomainError) if error is not DomainError and error.__module__.startswith(ours)]


@pytest.mark.parametrize("language", ["fr", "nl"])
def test_every_rule_has_a_title_in_every_language(language: Language) -> None:
    untold = [error.code for error in school_errors() if "title" not in wording.messages(language).get(error.code, {})]
    assert untold == []


@pytest.mark.parametrize("language", ["fr", "nl"])
def test_every_refusal_has_a_title_in_every_language(language: Language) -> None:
    untold = [
        refusal.code
        for refusal in problems.RequestRefused.__subclasses__()
        if "title" not in wording.messages(language).get(refusal.code, {})
    ]
    assert untold == []


def test_the_languages_say_the_same_things() -> None:
    english = wording.messages("en")
    for language in ("fr", "nl"):
        other = wording.messages(language)
        assert set(english) <= set(other)
        assert [code for code, said in english.items() if "detail" in said and "detail" not in other[code]] == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "en"),
        ("nl", "nl"),
        ("fr-BE, fr;q=0.9", "fr"),
        ("de, nl;q=0.5, fr;q=0.7", "fr"),
        ("en;q=0.1, nl-BE;q=0.2", "nl"),
        ("fr;q=0", "en"),
        ("fr;q=high, nl;q=0.1", "nl"),
        ("*", "en"),
    ],
)
def test_the_language_is_the_reader_s(accepted: str | None, language: str) -> None:
    assert wording.preferred(accepted) == language


def test_a_problem_speaks_the_reader_s_language_under_the_same_type(callers: Callers) -> None:
    said = {}
    for language in ("en", "fr", "nl"):
        answer = callers.coordinator.post("/api/members", {"joined_on": "x"}, headers={"Accept-Language": language})
        said[language] = answer.json()
    assert {answer["type"] for answer in said.values()} == {"/problems/invalid"}
    assert len({answer["title"] for answer in said.values()}) == 3
    assert len({answer["errors"][0]["detail"] for answer in said.values()}) == 3


def test_a_message_whose_detail_is_missing_is_still_a_message() -> None:
    assert wording.detail("session-full", "nl", {}) == "Alle … plaatsen zijn bezet."
    assert (
        wording.detail("prerequisites-missing", "en", {"missing": ["M01", "M02"]}) == "Still to be completed: M01, M02."
    )


def test_our_own_faults_say_nothing_but_where_to_look(school: CoopSchool) -> None:
    @get("/broken", roles=PUBLIC, sync_to_thread=False)
    def broken() -> str:
        raise ValueError("Ada's e-mail is ada@example.org")

    app = SchoolApp([broken]).serving(school)
    with TestClient(app, raise_server_exceptions=False) as client, structlog.testing.capture_logs() as logged:
        response = client.get("/broken")
    answer = response.json()
    assert (response.status_code, answer["type"]) == (500, "/problems/internal-error")
    assert answer["instance"] == f"urn:uuid:{response.headers['x-correlation-id']}"
    assert "ada@" not in response.text + str(logged)
    (error,) = (line for line in logged if line["event"] == "unexpected")
    assert error["error"] == "ValueError"
    assert error["correlation"] == response.headers["x-correlation-id"]
    assert any("broken" in frame for frame in error["frames"])


def test_a_correlation_id_of_the_caller_s_is_kept_if_it_is_one(callers: Callers) -> None:
    ours = str(uuid4())
    assert callers.client.get("/health/live", headers={"X-Correlation-ID": ours}).headers["x-correlation-id"] == ours
    for odd in ("me", "x" * 400, f"{ours}\t"):
        given = callers.client.get("/health/live", headers={"X-Correlation-ID": odd}).headers["x-correlation-id"]
        assert given != odd
        assert UUID(given)


def test_the_correlation_id_reaches_the_log(callers: Callers, school: CoopSchool) -> None:
    correlation = uuid4()
    callers.coordinator.post(
        "/api/members",
        {"category": "A", "joined_on": "2026-01-05"},
        headers={"X-Correlation-ID": str(correlation)},
    )
    with school.database.connect("app") as conn:
        assert conn.execute("select distinct correlation from events").fetchall() == [(correlation,)]


def test_every_answer_has_the_security_headers_and_is_not_stored(callers: Callers) -> None:
    for response in (callers.client.get("/nowhere"), callers.member().get("/api/members/me")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_another_method_is_405_and_says_which_are_known(callers: Callers) -> None:
    response = callers.coordinator.send("DELETE", "/api/modules")
    assert (response.status_code, response.json()["type"]) == (405, "/problems/method-not-allowed")
    assert "GET" in response.headers["allow"]


def test_a_line_is_logged_for_each_request_without_what_was_asked_or_sent(callers: Callers) -> None:
    with structlog.testing.capture_logs() as logged:
        callers.coordinator.get("/api/members?q=Zuleika")
        callers.coordinator.post("/api/members", {"name": "Zuleika"})
    lines = [line for line in logged if line["event"] == "request"]
    assert [(line["method"], line["route"]) for line in lines] == [("GET", "/api/members"), ("POST", "/api/members")]
    assert "Zuleika" not in str(logged)


@pytest.mark.parametrize(("accept", "language"), [("fr-BE", "fr"), ("nl, fr;q=0.5", "nl"), ("de", "en")])
def test_a_problem_says_in_which_language_it_speaks_also_where_no_route_is(
    callers: Callers, accept: str, language: str
) -> None:
    for method, path in (("GET", "/api/nowhere"), ("PUT", "/api/modules"), ("GET", "/api/sessions/odd")):
        response = callers.coordinator.send(method, path, headers={"Accept-Language": accept})
        assert response.headers["content-language"] == language
        assert response.json()["detail"]


def test_what_can_be_done_at_an_address_may_be_asked(client: TestClient[Litestar]) -> None:
    response = client.options("/api/modules")
    assert response.status_code == 204
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"known": ["A", "B"]}, "A, B"),
        ({"given": "x", "expected": "2020Q2 or 2020"}, "2020Q2 or 2020"),
        ({"least": 1, "most": 9}, "From 1 to 9"),
        ({"least": 1}, "At least 1"),
        ({"earliest": date(2026, 3, 2)}, "2026-03-02"),
        ({"only_with": "partial"}, "partial"),
        ({"outcome": "kept"}, "not acceptable"),
    ],
)
def test_an_invalid_value_is_told_what_would_do(details: dict[str, Any], said: str) -> None:
    (error,) = problems.of_domain(Invalid("field", **details), "en").errors
    assert said in error.detail
