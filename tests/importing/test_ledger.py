"""The log in memory that an import decides on."""

from datetime import date
from uuid import uuid4

from coopschool.application import CoopSchool
from coopschool.domain.base import Occurrence
from coopschool.domain.school.member import Member, MemberJoined, MembershipCategoryChanged
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.person import Person, PersonRegistered
from coopschool.importing.ledger import Ledger
from tests.support.given_when_then import NOW

TODAY = NOW.date()
CHANGED_ON = date(2026, 4, 1)


def changed(member: str) -> Occurrence:
    return Occurrence(MembershipCategoryChanged(member=member, category="C", effective_on=CHANGED_ON), NOW)


def test_what_is_recorded_is_seen_by_what_is_loaded_before_and_after(school: CoopSchool) -> None:
    ann, bob = str(uuid4()), str(uuid4())
    for person in (ann, bob):
        school.execute_now(JoinAsMember(at=school.now(), person=person, category="A", joined_on=TODAY))
    with school.database.connect("app") as conn:
        ledger = Ledger(conn, head=4, made=set())
        assert ledger.load(Member, ann).category_on(CHANGED_ON) == "A"
        ledger.record([changed(ann), changed(bob)])
        assert ledger.load(Member, ann).category_on(CHANGED_ON) == "C"
        assert ledger.load(Member, bob).category_on(CHANGED_ON) == "C"
        assert ledger.load(Member, bob).position == 6
        assert set(ledger.relied_on) == {f"member:{ann}", f"member:{bob}"}
        assert MemberJoined.TOPIC in ledger.relied_on[f"member:{ann}"]


def test_nothing_after_its_head_is_seen(school: CoopSchool) -> None:
    ann = str(uuid4())
    school.execute_now(JoinAsMember(at=school.now(), person=ann, category="A", joined_on=TODAY))
    with school.database.connect("app") as conn:
        ledger = Ledger(conn, head=1, made=set())
        assert ledger.load(Person, ann).exists
        assert not ledger.load(Member, ann).exists


def test_what_the_import_made_itself_is_not_relied_on(school: CoopSchool) -> None:
    ann = str(uuid4())
    with school.database.connect("app") as conn:
        ledger = Ledger(conn, head=0, made={ann})
        ledger.record([Occurrence(PersonRegistered(person=ann), NOW)])
        assert ledger.load(Person, ann).exists
        assert ledger.relied_on == {}
