"""Modules: written, revised, published, retired; prerequisites that exist and lead nowhere back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from coopschool.domain.errors import Invalid, Stale, Unknown
from coopschool.domain.school.learning_module import (
    DraftModule,
    LearningModule,
    ModuleCodeTaken,
    ModuleDrafted,
    ModuleIsRetired,
    ModulePublished,
    ModuleRetired,
    ModuleRevised,
    PrerequisiteCycle,
    PrerequisiteUnknown,
    PublishModule,
    RetireModule,
    ReviseModule,
)
from coopschool.domain.school.session import SessionCancelled, SessionClosed, SessionScheduled, Slot
from coopschool.domain.school.trainer import Trainer
from tests.support.given_when_then import NOW, given


def drafted(code: str, *prerequisites: str) -> ModuleDrafted:
    return ModuleDrafted(
        module=code,
        half_days=1,
        minutes=120,
        format="hybrid",
        min_attendance=Decimal("0.8"),
        prerequisites=prerequisites,
        audience=("candidate", "A", "B", "C"),
        text="t1",
    )


def draft(code: str, *prerequisites: str, min_attendance: Decimal = Decimal("0.8")) -> DraftModule:
    return DraftModule(
        at=NOW,
        module=code,
        half_days=1,
        minutes=120,
        format="hybrid",
        min_attendance=min_attendance,
        prerequisites=prerequisites,
        audience=("candidate", "A", "B", "C"),
        text="t1",
    )


def scheduled(session: str) -> SessionScheduled:
    return SessionScheduled(
        session=session,
        module="M01",
        revision=1,
        audience=("A",),
        prerequisites=(),
        min_attendance=Decimal("0.8"),
        slots=(Slot(number=1, starts_at=NOW, ends_at=NOW + timedelta(hours=3)),),
        seats=20,
        trainers=("tom",),
        languages=("fr",),
        place="LIEGE",
        format="in_person",
        promotion_cutoff=NOW,
    )


PUBLISHED = ModulePublished(module="M01", revision=1)
RETIRED = ModuleRetired(module="M01")


def test_a_module_is_drafted() -> None:
    given(drafted("M01")).when(draft("M02", "M01")).then(drafted("M02", "M01"))


def test_a_code_is_given_once() -> None:
    given(drafted("M01"), RETIRED).when(draft("M01")).then_refused(ModuleCodeTaken, module="M01")


@pytest.mark.parametrize("share", ["1.001", "-0.1", "0.1234", "NaN"])
def test_the_attendance_to_reach_is_a_share_of_at_most_three_decimals(share: str) -> None:
    given().when(draft("M01", min_attendance=Decimal(share))).then_refused(Invalid, field="min_attendance")
    given(drafted("M01")).when(ReviseModule(at=NOW, module="M01", min_attendance=Decimal(share))).then_refused(
        Invalid, field="min_attendance"
    )


def test_prerequisites_exist() -> None:
    given().when(draft("M02", "M01")).then_refused(PrerequisiteUnknown, module="M02", prerequisite="M01")


def test_no_module_is_its_own_prerequisite() -> None:
    given().when(draft("M01", "M01")).then_refused(PrerequisiteCycle, module="M01")


def test_no_module_comes_before_itself_by_way_of_others() -> None:
    chain = [drafted("M01"), drafted("M02", "M01"), drafted("M03", "M01", "M02")]
    given(*chain).when(ReviseModule(at=NOW, module="M01", prerequisites=("M03",))).then_refused(
        PrerequisiteCycle, module="M01"
    )


def test_a_revision_keeps_what_it_does_not_name_and_counts_up() -> None:
    revised = (
        given(drafted("M01"), PUBLISHED)
        .when(ReviseModule(at=NOW, module="M01", half_days=2, text="t2"))
        .then(
            ModuleRevised(
                module="M01",
                revision=2,
                half_days=2,
                minutes=120,
                format="hybrid",
                min_attendance=Decimal("0.8"),
                prerequisites=(),
                audience=("candidate", "A", "B", "C"),
                text="t2",
            )
        )
    )
    module = revised.folded(LearningModule, "M01")
    assert (module.revision, module.version, module.status, module.half_days, module.text) == (
        2,
        3,
        "published",
        2,
        "t2",
    )


def test_prerequisites_can_be_dropped() -> None:
    scenario = given(drafted("M01"), drafted("M02", "M01"))
    dropped = scenario.when(ReviseModule(at=NOW, module="M02", prerequisites=()))
    assert [event.prerequisites for event in dropped.events if isinstance(event, ModuleRevised)] == [()]


def test_a_revision_that_says_the_same_changes_nothing() -> None:
    given(drafted("M01")).when(ReviseModule(at=NOW, module="M01", half_days=1)).then_unchanged()


def test_a_revision_of_what_somebody_else_changed_meanwhile_is_stale() -> None:
    given(drafted("M01"), PUBLISHED).when(ReviseModule(at=NOW, module="M01", half_days=2, if_version=1)).then_refused(
        Stale, revision=2
    )


def test_a_draft_is_published_once() -> None:
    given(drafted("M01")).when(PublishModule(at=NOW, module="M01")).then(PUBLISHED)
    given(drafted("M01"), PUBLISHED).when(PublishModule(at=NOW, module="M01")).then_unchanged()


def test_an_unknown_module_is_not_published() -> None:
    given().when(PublishModule(at=NOW, module="M01")).then_refused(Unknown, kind="module", id="M01")


def test_a_module_is_retired_once() -> None:
    given(drafted("M01")).when(RetireModule(at=NOW, module="M01")).then(RETIRED)
    given(drafted("M01"), RETIRED).when(RetireModule(at=NOW, module="M01")).then_unchanged()


def test_a_retired_module_is_neither_revised_nor_published() -> None:
    retired = given(drafted("M01"), RETIRED)
    retired.when(ReviseModule(at=NOW, module="M01", half_days=2)).then_refused(ModuleIsRetired, module="M01")
    retired.when(PublishModule(at=NOW, module="M01")).then_refused(ModuleIsRetired, module="M01")


def test_a_module_knows_its_open_sessions_in_the_order_they_were_scheduled() -> None:
    module = given(
        drafted("M01"),
        *(scheduled(session) for session in ("s3", "s1", "s2", "s4")),
        SessionCancelled(session="s1", module="M01", reason_code="too_few"),
        SessionClosed(session="s4", module="M01"),
    ).folded(LearningModule, "M01")
    assert list(module.sessions) == ["s3", "s2"]


def test_a_trainer_knows_the_sessions_they_give() -> None:
    scenario = given(scheduled("s1"))
    assert not scenario.folded(Trainer, "tim").exists
    assert list(scenario.folded(Trainer, "tom").sessions) == ["s1"]
