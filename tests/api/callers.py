"""Callers in a role, and the few requests that many tests begin with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api.auth import mint_token
from coopschool.domain.base import Role

MODULE = {
    "code": "M01",
    "title": {"fr": "Bienvenue", "nl": "Welkom", "en": "Welcome"},
    "half_days": 2,
    "hours": 6,
    "format": "in_person",
    "min_attendance": 0.5,
    "audience": ["candidate", "A", "B", "C"],
}


class Caller:
    """Somebody with a token."""

    def __init__(self, client: TestClient[Litestar], token: str, person: str | None) -> None:
        self.client = client
        self.token = token
        self.person = person

    def send(self, method: str, path: str, json: Any = None, **how: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        if json is not None:
            how["json"] = json
        return self.client.request(method, path, headers=headers, **how)

    def get(self, path: str, **how: Any) -> Response:
        return self.send("GET", path, **how)

    def post(self, path: str, json: Any = None, **how: Any) -> Response:
        return self.send("POST", path, json, **how)

    def put(self, path: str, json: Any = None, **how: Any) -> Response:
        return self.send("PUT", path, json, **how)

    def patch(self, path: str, json: Any = None, **how: Any) -> Response:
        return self.send("PATCH", path, json, **how)

    def delete(self, path: str, **how: Any) -> Response:
        return self.send("DELETE", path, **how)

    def made(self, path: str, json: Any) -> dict[str, Any]:
        """The answer to a creation, which must succeed."""
        response = self.post(path, json)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def done(self, method: str, path: str, json: Any = None, **how: Any) -> dict[str, Any]:
        """The answer to anything that must succeed."""
        response = self.send(method, path, json, **how)
        assert response.status_code in (200, 201), response.text
        answer: dict[str, Any] = response.json()
        return answer


class Callers:
    """Makes callers, and a school for them to call about."""

    def __init__(self, client: TestClient[Litestar], key: bytes) -> None:
        self.client = client
        self.key = key

    def caller(self, *roles: Role, person: str | None = None, lifetime: int = 3600) -> Caller:
        return Caller(self.client, mint_token(self.key, roles, person=person, lifetime_seconds=lifetime), person)

    @property
    def coordinator(self) -> Caller:
        return self.caller("coordinator")

    @property
    def admin(self) -> Caller:
        return self.caller("admin")

    def member(self, category: str = "A", **details: Any) -> Caller:
        """A new member, signed in as such."""
        made = self.coordinator.made("/api/members", {"category": category, "joined_on": "2026-01-05", **details})
        return self.caller("member", person=made["person_id"])

    def trainer(self, **details: Any) -> Caller:
        """A new person with the role of trainer, signed in as such."""
        person = self.admin.made("/api/people", details)["person_id"]
        self.admin.done("PUT", f"/api/people/{person}/roles", {"roles": [{"role": "trainer"}]})
        return self.caller("trainer", person=person)

    def team(self, name: str = "Namur") -> str:
        """A team, still without advisers."""
        team: str = self.coordinator.made("/api/teams", {"name": name})["team_id"]
        return team

    def adviser(self, team: str, from_: str = "2026-01-12", **details: Any) -> Caller:
        """A new permanent worker in a team, signed in as an adviser."""
        person = self.member("B", **details).person
        self.coordinator.made(f"/api/teams/{team}/advisers", {"person_id": person, "from": from_})
        return self.caller("adviser", person=person)

    def module(self, code: str = "M01", **changes: Any) -> str:
        """A published module."""
        self.coordinator.made("/api/modules", {**MODULE, "code": code, **changes})
        self.coordinator.done("POST", f"/api/modules/{code}/publish")
        return code

    def session(self, module: str, begins: datetime, *, seats: int = 2, slots: int = 2, **more: Any) -> str:
        """A session with a slot of three hours a week."""
        body = {
            "module": module,
            "seats": seats,
            "languages": ["fr"],
            "place": "brussels",
            "format": "in_person",
            "slots": slots_from(begins, slots),
            **more,
        }
        session: str = self.coordinator.made("/api/sessions", body)["session_id"]
        return session


def slots_from(begins: datetime, count: int) -> list[dict[str, str]]:
    """So many slots of three hours, a week apart."""
    starts = [begins + timedelta(weeks=week) for week in range(count)]
    return [{"starts_at": s.isoformat(), "ends_at": (s + timedelta(hours=3)).isoformat()} for s in starts]
