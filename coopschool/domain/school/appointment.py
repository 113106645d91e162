"""Roles for people whom nobody has registered: the first admin, and whoever is known by a sign-in only."""

from __future__ import annotations

from coopschool.domain.base import Decided, Load
from coopschool.domain.school.person import GrantRole, Person, PersonRegistered, RoleGranted


class Appoint(GrantRole, frozen=True, kw_only=True):
    """Gives a role, and registers the person first if need be."""

    def decide(self, load: Load) -> Decided:
        if load(Person, self.person).exists:
            return GrantRole.decide(self, load)
        self._check(self.until)
        return self.occurs(
            PersonRegistered(person=self.person), RoleGranted(person=self.person, role=self.role, until=self.until)
        )
