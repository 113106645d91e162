"""Members: joining, details, category, the end of a membership, waivers, and what they are enrolled in."""

from __future__ import annotations

from datetime import date, datetime
from uuid import uuid4

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.body import Body, Email, Id, PersonName, PersonPath, Written
from coopschool.api.examples import LEAVER, MEMBER, MODULE
from coopschool.api.request import ApiRequest, etag
from coopschool.domain import bounds
from coopschool.domain.base import Load, existing
from coopschool.domain.school.enrolment import Standing, WaiverReason
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import AmendDetails, ChangeCategory, JoinAsMember, WaivePrerequisite
from coopschool.domain.school.person import Person
from coopschool.domain.school.withdrawal import EndMembership
from coopschool.domain.school.words import Category, Format, Language


class NewMember(Body, kw_only=True):
    """Somebody who joins; `person_id` where the cooperative knows the person already."""

    category: Category
    joined_on: date
    language: Language | None = None
    name: PersonName | None = None
    email: Email | None = None
    person_id: Id | None = None


class MemberMade(Written, kw_only=True):
    """The new member's id."""

    person_id: str


class Details(Body, kw_only=True):
    """What changes; `null` removes a name or an address."""

    language: Language | UnsetType = UNSET
    name: PersonName | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET


class CategoryChange(Body, kw_only=True):
    """Another category, from a day on."""

    category: Category
    effective_on: date


class MembershipEnd(Body, kw_only=True):
    """The last day of the membership."""

    ended_on: date


class Waiver(Body, kw_only=True):
    """A module that need not be completed."""

    module: bounds.Code
    reason_code: WaiverReason


class CategoryFrom(msgspec.Struct, frozen=True):
    """A category and the day from which it holds."""

    category: Category
    effective_on: date


class MemberSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A member; `category` is today's, null before joining and after the end."""

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    category: Category | None
    categories: list[CategoryFrom]
    joined_on: date
    ended_on: date | None
    erased: bool


class EnrolmentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An open enrolment; `since` is when the member first asked for the module."""

    session_id: str
    module: str
    status: Standing
    rank: int | None
    since: datetime


class InterestSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for a module while no session suits."""

    module: str
    languages: list[Language]
    places: list[str]
    format: Format | None
    since: datetime


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """What a member is enrolled in or waits for (`items`, all of them), would like, has completed and need not do."""

    items: list[EnrolmentSeen]
    next: None = None
    interests: list[InterestSeen]
    completed: list[str]
    waived: list[str]


class Members(Controller):
    """`/api/members`"""

    path = "/api/members"
    tags = ("members",)

    @post(
        operation_id="JoinAsMember",
        roles=may("coordinator"),
        example={
            "category": "A",
            "joined_on": "2026-01-15",
            "language": "nl",
            "name": "Jo Lid",
            "email": "jo@example.org",
        },
    )
    async def join(self, request: ApiRequest, data: JSONBody[NewMember]) -> Response[MemberMade]:
        """Makes somebody a member, and known to the cooperative if need be."""
        person, school = data.person_id or str(uuid4()), request.school
        command = JoinAsMember(
            at=school.now(),
            by=request.actor,
            person=person,
            category=data.category,
            joined_on=data.joined_on,
            language=data.language,
        )
        given = {name: value for name in ("name", "email") if (value := getattr(data, name)) is not None}
        outcome = await request.carry_out(
            command, vault=[school.vault.put_person(person, **given)], answer=lambda _: {"person_id": person}
        )
        return request.written(outcome, MemberMade, status=201, at="/api/members/{person_id}")

    @get("/{person_id:str}", operation_id="GetMember", shows="names and addresses", roles=may("member", "coordinator"))
    async def one(self, request: ApiRequest, person_id: PersonPath) -> Response[MemberSeen]:
        """A member as they see themselves and as coordinators see them; the `ETag` is for `PATCH`."""
        id, today = request.self_or(person_id, "coordinator"), request.school.now().date()
        (revisions, seen) = await request.school.read(lambda load: _seen(load, id, today))
        details = await request.reads.vault(lambda connection: vault.person(connection, id))
        named = msgspec.structs.replace(seen, name=details.name, email=details.email)
        return Response(named, headers={"ETag": etag(*revisions, details.version)})

    @patch(
        "/{person_id:str}",
        operation_id="AmendDetails",
        roles=may("member", "coordinator"),
        if_match=True,
        example={"language": "fr", "email": "new@example.org"},
        path_example={"person_id": MEMBER},
    )
    async def amend(self, request: ApiRequest, person_id: PersonPath, data: JSONBody[Details]) -> Response[Written]:
        """Changes a member's language, name or address."""
        id, school = request.self_or(person_id, "coordinator"), request.school
        person_revision, member_revision, version = request.revisions(3)
        command = AmendDetails(
            at=school.now(),
            by=request.actor,
            member=id,
            language=None if data.language is UNSET else data.language,
            if_revisions=(person_revision, member_revision),
        )
        details = school.vault.put_person(id, name=data.name, email=data.email, if_version=version)
        return request.written(await request.carry_out(command, vault=[details]), Written)

    @post(
        "/{person_id:str}/category",
        operation_id="ChangeCategory",
        roles=may("coordinator"),
        status_code=200,
        example={"category": "B", "effective_on": "2026-03-01"},
        path_example={"person_id": MEMBER},
    )
    async def change_category(
        self, request: ApiRequest, person_id: PersonPath, data: JSONBody[CategoryChange]
    ) -> Response[Written]:
        """Makes a membership of another category from a day on."""
        command = ChangeCategory(
            at=request.school.now(),
            by=request.actor,
            member=request.person(person_id),
            category=data.category,
            effective_on=data.effective_on,
        )
        return request.written(await request.carry_out(command), Written)

    @post(
        "/{person_id:str}/end",
        operation_id="EndMembership",
        roles=may("coordinator"),
        status_code=200,
        example={"ended_on": "2026-03-02"},
        path_example={"person_id": LEAVER},
    )
    async def end(self, request: ApiRequest, person_id: PersonPath, data: JSONBody[MembershipEnd]) -> Response[Written]:
        """Ends a membership; seats not yet used go to those who wait."""
        command = EndMembership(
            at=request.school.now(), by=request.actor, member=request.person(person_id), ended_on=data.ended_on
        )
        return request.written(await request.carry_out(command), Written)

    @post(
        "/{person_id:str}/waivers",
        operation_id="WaivePrerequisite",
        roles=may("coordinator"),
        status_code=200,
        example={"module": MODULE, "reason_code": "prior_learning"},
        path_example={"person_id": MEMBER},
    )
    async def waive(self, request: ApiRequest, person_id: PersonPath, data: JSONBody[Waiver]) -> Response[Written]:
        """Lets a module count for a member as if completed."""
        command = WaivePrerequisite(
            at=request.school.now(),
            by=request.actor,
            member=request.person(person_id),
            module=data.module,
            reason_code=data.reason_code,
        )
        return request.written(await request.carry_out(command), Written)

    @get(
        "/{person_id:str}/enrolments",
        operation_id="ListEnrolments",
        shows="a person's learning",
        roles=may("member", "coordinator"),
    )
    async def enrolments(self, request: ApiRequest, person_id: PersonPath) -> Learning:
        """A member's open enrolments and waits, interests, completions and waivers, as they stand now."""
        id = request.self_or(person_id, "coordinator")
        learning = await request.school.read(lambda load: _learning(existing(load, Member, id)))
        codes = {place for interest in learning.interests for place in interest.places}
        words = await request.reads.vault(lambda connection: vault.places(connection, codes)) if codes else {}
        interests = [
            msgspec.structs.replace(interest, places=[words.get(place, place) for place in interest.places])
            for interest in learning.interests
        ]
        return msgspec.structs.replace(learning, interests=interests)


def _seen(load: Load, id: str, today: date) -> tuple[tuple[int, int], MemberSeen]:
    person, member = load(Person, id), existing(load, Member, id)
    seen = MemberSeen(
        person_id=id,
        name=None,
        email=None,
        language=person.language,
        category=member.category_on(today),
        categories=[CategoryFrom(period.category, period.effective_on) for period in member.categories],
        joined_on=member.joined_on or today,
        ended_on=member.ended_on,
        erased=person.erased,
    )
    return (person.revision, member.revision), seen


def _learning(member: Member) -> Learning:
    return Learning(
        items=[
            EnrolmentSeen(
                session_id=session, module=held.module, status=held.standing, rank=held.rank, since=held.since
            )
            for session, held in member.enrolments.items()
        ],
        interests=[
            InterestSeen(
                module=module,
                languages=list(wish.languages),
                places=list(wish.places),
                format=wish.format,
                since=wish.since,
            )
            for module, wish in member.interests.items()
        ],
        completed=sorted(member.completed),
        waived=sorted(member.waived),
    )
