"""The page for answering with a printed token: no script, three languages, and nothing typed is lost or shown."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from psycopg import sql

from coopschool.answer_box import AnswerBox
from coopschool.api.advisers import answer_page
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock, SystemClock
from coopschool.database import Database
from coopschool.domain.school.words import Language
from coopschool.settings import Settings
from tests.answer_box.surroundings import NORTH, WAVE, id_of, open_wave
from tests.cli.running import coopschool, free_port, get, until
from tests.support.advisers import AGREES, AUTONOMY

PAGE = f"/answer/{WAVE}"
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Shown(HTMLParser):
    """A page as a browser takes it: its elements, and what would be sent of its form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def fields(self) -> dict[str, str]:
        """The name and value of each field that is filled in."""
        inputs = self.all("input")
        return {one["name"]: one["value"] for one in inputs if one["type"] == "text" or "checked" in one}


@pytest.fixture
def tokens(school: CoopSchool) -> list[str]:
    """The tokens of a team of six, in an open wave."""
    open_wave(school)
    return AnswerBox(school).surveys.tokens(WAVE)[NORTH]


def send(client: TestClient[Litestar], fields: Mapping[str, Any], language: str = "en") -> Response:
    return client.post(f"{PAGE}?lang={language}", data=dict(fields))


def agreeing(token: str) -> dict[str, str]:
    return {"token": token, **dict.fromkeys(AGREES, "4")}


# --- the page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_asks_every_statement_in_the_reader_s_language(
    tokens: list[str], client: TestClient[Litestar], language: Language
) -> None:
    response = client.get(PAGE, headers={"Accept-Language": language})
    shown, said = Shown(response.text), answer_page.words(language)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.all("html") == [{"lang": language}]
    for item in AUTONOMY.items.values():
        assert answer_page.escape(item.text(language)) in response.text
    for sentence in ("anonymous", "final", "not_validated"):
        assert answer_page.escape(said[sentence]) in response.text
    assert client.get(f"{PAGE}?lang={language}", headers={"Accept-Language": "de"}).text == response.text
    assert client.get(f"{PAGE}?lang=xx", headers={"Accept-Language": language}).text == response.text


def test_the_form_is_usable_without_script_and_by_a_screen_reader(
    tokens: list[str], client: TestClient[Litestar]
) -> None:
    response = client.get(PAGE)
    shown = Shown(response.text)
    assert {"script", "img", "link", "iframe"}.isdisjoint(tag for tag, _ in shown.tags)
    assert not any(name.startswith("on") or name == "style" for _, attributes in shown.tags for name in attributes)
    groups = len(AUTONOMY.items)
    assert len(shown.all("fieldset")) == len(shown.all("legend")) == groups
    assert len(shown.all("label")) == groups * 6 + 1
    assert shown.all("form") == [{"id": "answer", "method": "post", "action": "?lang=en", "novalidate": ""}]
    known = {attributes["id"] for _, attributes in shown.tags if "id" in attributes}
    assert {one["for"] for one in shown.all("label") if "for" in one} <= known
    assert {id for _, one in shown.tags for id in one.get("aria-describedby", "").split()} <= known
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in shown.all("meta")
    assert shown.fields() == {"token": "", **dict.fromkeys(AGREES, "")}, "nothing is filled in beforehand"


def test_the_page_may_show_its_own_style_and_nothing_else(tokens: list[str], client: TestClient[Litestar]) -> None:
    response = client.get(PAGE)
    assert response.headers.get_list("content-security-policy") == [answer_page.content_security()]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "style-src" not in client.get("/health/live").headers["content-security-policy"]


def test_the_languages_say_the_same_things() -> None:
    english = answer_page.words("en")
    for language in LANGUAGES:
        said = answer_page.words(language)
        assert said.keys() == english.keys()
        for name, sentence in said.items():
            assert set(re.findall(r"{\w+}", sentence)) == set(re.findall(r"{\w+}", english[name])), name


def test_wording_that_the_vault_has_lost_is_shown_by_its_codes(
    tokens: list[str], client: TestClient[Litestar], database: Database
) -> None:
    with database.connect("app") as conn:
        conn.execute("delete from vault_texts")
    assert '<legend>1. <span lang="fr">s1</span></legend>' in client.get(PAGE).text


# --- another language


def switches(shown: Shown) -> dict[str, dict[str, str]]:
    """The buttons that show the form in another language, by language."""
    return {one["value"]: one for one in shown.all("button") if one.get("name") == answer_page.ONLY_LANGUAGE}


def kept(database: Database) -> list[object]:
    """How many events there are, and what is in the box, sealed, with the tokens that are not spent."""
    with database.connect("owner") as conn:
        found: list[object] = [conn.execute("select count(*) from events").fetchone()]
        for (box,) in conn.execute("select box from answer_boxes order by box").fetchall():
            table = sql.Identifier(f"answer_box_{box.hex}")
            found.append(conn.execute(sql.SQL("select sealed from {}").format(table)).fetchone())
        return found


def test_another_language_keeps_what_is_filled_in_and_spends_no_token(
    tokens: list[str], client: TestClient[Litestar], database: Database
) -> None:
    filled = {"token": tokens[0], "s1": "2", "t1": "5"}
    before = kept(database)
    found = switches(Shown(client.get(f"{PAGE}?lang=en").text))
    assert set(found) == {"fr", "nl"}
    pressed = {**filled, answer_page.ONLY_LANGUAGE: "nl"}
    response = client.post(f"{PAGE}{found['nl']['formaction']}", data=pressed)
    shown = Shown(response.text)
    assert response.status_code == 200
    assert shown.all("html") == [{"lang": "nl"}]
    assert shown.fields() == {**dict.fromkeys(AGREES, ""), **filled}
    assert response.url.query == b"lang=nl"
    assert not shown.all("div"), "nothing is called wrong: nothing was sent"
    assert set(switches(shown)) == {"fr", "en"}
    assert kept(database) == before
    assert send(client, agreeing(tokens[0])).status_code == 200, "the token was not spent"


def test_enter_in_the_token_s_field_sends_the_form_instead_of_changing_its_language(
    tokens: list[str], client: TestClient[Litestar]
) -> None:
    first = Shown(client.get(PAGE).text).all("button")[0]
    assert (first["type"], first["form"]) == ("submit", "answer")
    assert "name" not in first
    assert "formaction" not in first


def test_in_another_language_a_closed_survey_is_closed_too(
    tokens: list[str], client: TestClient[Litestar], clock: FixedClock
) -> None:
    clock.advance(timedelta(days=15))
    response = client.post(f"{PAGE}?lang=nl", data={**agreeing(tokens[0]), answer_page.ONLY_LANGUAGE: "nl"})
    assert response.status_code == 410
    assert answer_page.escape(answer_page.words("nl")["closed"]) in response.text
    assert {one["href"] for one in Shown(response.text).all("a")} == {"?lang=fr", "?lang=nl", "?lang=en"}


# --- sending it


def test_an_answer_is_sent_once_and_the_page_says_so(
    tokens: list[str], client: TestClient[Litestar], school: CoopSchool
) -> None:
    response = send(client, agreeing(tokens[0].lower()), "nl")
    assert response.status_code == 200
    assert answer_page.words("nl")["thanks"] in response.text
    assert tokens[0].lower() not in response.text
    assert not Shown(response.text).all("form")
    again = send(client, agreeing(tokens[0]), "fr")
    assert again.status_code == 403
    assert answer_page.escape(answer_page.words("fr")["token_refused"]) in again.text
    for token in tokens[1:]:
        assert send(client, agreeing(token)).status_code == 200
    released = AnswerBox(school).surveys.close(WAVE).events[1]
    assert released.responses[0].n == 6  # type: ignore[attr-defined]
    assert released.responses[0].answers == (AGREES,) * 6  # type: ignore[attr-defined]


def test_what_was_filled_in_comes_back_with_what_is_wrong(tokens: list[str], client: TestClient[Litestar]) -> None:
    filled = {"token": tokens[0], "s1": "2", "t1": "5"}
    response = send(client, filled)
    shown, problem = Shown(response.text), answer_page.words("en")["too_few"].format(least=2)
    assert response.status_code == 422
    assert shown.fields() == {**dict.fromkeys(AGREES, ""), **filled}
    assert "<title>Error: " in response.text
    assert f'<li><a href="#s2">{problem}</a></li>' in response.text
    assert {"class": "wrong", "aria-describedby": "s2-error"} in shown.all("fieldset")
    assert [one for one in shown.all("div") if one.get("role") == "alert" and "autofocus" in one]
    assert {one["href"] for one in shown.all("a") if one["href"].startswith("#")} == {"#s2"}
    assert response.url.query == b"lang=en", "nothing that was filled in is in the address"
    assert send(client, agreeing(tokens[0])).status_code == 200, "the token was not spent"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"token": ""}, "token_missing"),
        ({"token": "  "}, "token_missing"),
        ({"s1": "6"}, "outside_scale"),
        ({"s1": "-1"}, "outside_scale"),
        ({"s1": "٣"}, "outside_scale"),
        ({"s1": "9" * 5000}, "outside_scale"),
        ({"colour": "3"}, "unknown_item"),
        ({"<b>": "3"}, "unknown_item"),
    ],
)
def test_what_no_browser_would_send_is_refused_in_words(
    tokens: list[str], client: TestClient[Litestar], changes: dict[str, str], said: str
) -> None:
    response = send(client, {**agreeing(tokens[0]), **changes})
    sentence = answer_page.words("en")[said].format(item=next(iter(changes)))
    assert response.status_code == 422
    assert answer_page.escape(sentence) in response.text
    assert "<b>" not in response.text


def test_what_is_typed_is_shown_as_typed(tokens: list[str], client: TestClient[Litestar]) -> None:
    response = send(client, {**agreeing('"><script>alert(1)</script>')})
    assert response.status_code == 403
    assert "<script" not in response.text
    assert Shown(response.text).fields()["token"] == '"><script>alert(1)</script>'


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join(b"a=1" for _ in range(600))])
def test_a_body_that_is_no_form_counts_as_an_empty_one(
    tokens: list[str], client: TestClient[Litestar], body: bytes
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(PAGE, content=body, headers=headers).status_code == 422


def test_only_forms_are_taken_there_and_nowhere_else(tokens: list[str], client: TestClient[Litestar]) -> None:
    assert client.post(PAGE, json=agreeing(tokens[0])).status_code == 415
    assert client.post(f"/api/waves/{WAVE}/responses", data=agreeing(tokens[0])).status_code == 415


def test_where_no_wave_is_open_the_page_says_so(
    tokens: list[str], client: TestClient[Litestar], clock: FixedClock
) -> None:
    for page in (f"/answer/{id_of('other wave')}", "/answer/nonsense"):
        for response in (client.get(page), client.post(page, data=agreeing(tokens[0]))):
            assert response.status_code == 404
            assert "There is no survey at this address" in response.text
    clock.advance(timedelta(days=15))
    response = client.get(PAGE)
    assert (response.status_code, "This survey is closed" in response.text) == (410, True)
    late = send(client, agreeing(tokens[0]))
    assert late.status_code == 403
    assert "This token cannot be used here" in late.text


def test_where_it_is_not_known_what_happened_the_page_says_to_send_it_again(
    tokens: list[str], client: TestClient[Litestar], school: CoopSchool
) -> None:
    keys = AnswerBox(school).boxes.keys
    for lost in list(keys.older_than(-60)):
        keys.forget(lost)
    response = send(client, agreeing(tokens[0]))
    assert response.status_code == 503
    assert "it counts only once" in response.text
    assert Shown(response.text).fields() == agreeing(tokens[0])
    assert '<li><a href="#' not in response.text


# --- in a browser


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_browser_at_phone_width_shows_the_form_and_what_comes_of_it(
    environment: dict[str, str], database: Database, settings: Settings, tmp_path: Path
) -> None:
    with CoopSchool(database, settings, SystemClock()) as school:
        open_wave(school)
        token = AnswerBox(school).surveys.tokens(WAVE)[NORTH][0]
    port = free_port()
    with coopschool(["serve", "--port", str(port), "--no-projections"], environment, tmp_path) as server:
        until(lambda: get(port, "/health/ready")[0] == 200)
        address = f"http://127.0.0.1:{port}{PAGE}"
        shown = Shown(in_browser(address, tmp_path, "--accept-lang=nl"))
        assert shown.all("html") == [{"lang": "nl"}]
        assert len(shown.all("fieldset")) == len(AUTONOMY.items)
        picture = tmp_path / "page.png"
        in_browser(address, tmp_path, f"--screenshot={picture}")
        assert picture.stat().st_size > 10_000
        (form,) = shown.all("form")
        sent = httpx.post(httpx.URL(address).join(form["action"]), data={**shown.fields(), **agreeing(token)})
        assert sent.status_code == 200
        assert answer_page.words("nl")["thanks"] in sent.text
        server.interrupt()
        server.ended()
    assert not [line for line in server.errors if '"request"' in line and "/health" not in line]


def in_browser(address: str, directory: Path, *options: str) -> str:
    """The page as Chromium has built it, in a window as wide as a phone's."""
    assert CHROMIUM is not None
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    )  # fmt: skip
    profile = directory / f"profile-{len(list(directory.glob('profile-*')))}"
    do = () if any(option.startswith("--screenshot") for option in options) else ("--dump-dom",)
    return subprocess.run(
        [CHROMIUM, *quiet, "--window-size=390,844", f"--user-data-dir={profile}", *options, *do, address],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
