"""Instruments are published, waves opened, reopened and closed; answers come out all at once, without persons."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from coopschool.domain import tags
from coopschool.domain.advisers.adviser_team import AdviserTeam, TeamWithoutAdvisers
from coopschool.domain.advisers.autonomy_survey import (
    EligibleTeam,
    MoreAnswersThanEligible,
    TeamInOpenWave,
    TeamResponses,
    Wave,
    WaveClosed,
    WaveExists,
    WaveNotOpen,
    WaveOpened,
    WaveReopened,
    WaveResponsesReleased,
    WavesTooClose,
)
from coopschool.domain.advisers.survey_waves import CloseWave, IssueTokens, OpenWave, ReopenWave
from coopschool.domain.advisers.team_membership import JoinTeam
from coopschool.domain.base import Command, Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.instrument_versions import (
    ContinuesUnknown,
    InstrumentPublished,
    PublishedInstrument,
    PublishInstrument,
    VersionNotNewer,
    instrument_of,
    outline_of,
)
from coopschool.domain.instruments import (
    Continuation,
    Instrument,
    InstrumentInvalid,
    OutsideScale,
    TooFewItems,
    UnknownItem,
)
from tests.support.advisers import (
    AGREES,
    AUTONOMY,
    FEEDBACK,
    RESEARCHER,
    adviser,
    formed,
    left_team,
    published,
    team_of,
)
from tests.support.given_when_then import NOW, given, local
from tests.support.school import COORDINATOR, joined

TODAY = NOW.date()
END_OF_MARCH = date(2026, 3, 31)
FIVE = ("ann", "bob", "cyd", "dan", "eve")
READY = (published(), *team_of("north", *FIVE), *team_of("south", "zoe"))
OPENED = WaveOpened(
    wave="w1",
    instrument="autonomy",
    version=1,
    teams=(EligibleTeam(team="north", advisers=FIVE), EligibleTeam(team="south", advisers=("zoe",))),
    opened_on=TODAY,
    closes_on=END_OF_MARCH,
)
CLOSED = WaveClosed(wave="w1", teams=("north", "south"))


def open_wave(wave: str = "w1", **other: Any) -> OpenWave:
    given = {"at": NOW, "wave": wave, "instrument": "autonomy", "version": 1, "teams": ("north", "south")}
    return OpenWave(**(given | {"closes_on": END_OF_MARCH} | other))


def close(responses: Any = None, **other: Any) -> CloseWave:
    return CloseWave(**({"at": NOW, "wave": "w1", "responses": responses or {}} | other))


def second_version(**changes: Any) -> Instrument:
    return msgspec.structs.replace(AUTONOMY, version=2, **changes)


# --- instruments


def publish(instrument: Instrument = AUTONOMY, **other: Any) -> PublishInstrument:
    return PublishInstrument(**({"at": NOW, "instrument": instrument, "wording": "w1"} | other))


def test_an_instrument_is_published_without_its_wording() -> None:
    outcome = given().when(publish(by=RESEARCHER))
    (event,) = outcome.events
    assert isinstance(event, InstrumentPublished)
    assert (event.instrument, event.version, event.wording) == ("autonomy", 1, "w1")
    said = msgspec.json.encode(event)
    assert b"s1" in said
    assert b"dossiers" not in said
    outcome.when(publish(wording="w2")).then_unchanged()


def test_a_version_is_published_once_and_in_order() -> None:
    reworded = msgspec.structs.replace(AUTONOMY, note="Another note.")
    once = given().when(publish())
    once.when(publish(reworded)).then_refused(VersionNotNewer, instrument="autonomy", version=1, newest=1)
    later = once.when(publish(second_version()))
    assert len(later.events) == 1
    later.when(publish(reworded)).then_refused(VersionNotNewer, newest=2)


@pytest.mark.parametrize(
    ("step", "details"),
    [
        (Continuation(version=7), {"continues": 7}),
        (Continuation(version=1, dimensions={"scheduling": "planning"}), {"codes": ["planning"]}),
        (Continuation(version=1, items={"s1": "s9"}), {"codes": ["s9"]}),
    ],
)
def test_a_version_continues_what_was_published(step: Continuation, details: dict[str, Any]) -> None:
    new = msgspec.structs.replace(AUTONOMY, version=8, continues=(step,))
    given(published()).when(publish(new)).then_refused(ContinuesUnknown, **details)


def test_a_version_whose_parts_do_not_fit_together_is_not_published() -> None:
    new = second_version(continues=(Continuation(version=2),))
    given(published()).when(publish(new)).then_refused(InstrumentInvalid, field="continues.0.version")


def test_a_map_to_what_was_published_is_kept() -> None:
    step = Continuation(version=1, dimensions={"scheduling": "scheduling"}, items={"s1": "s1"})
    scenario = given(published()).when(publish(second_version(continues=(step,)))).occurrences
    kept = given(published(), *scenario).folded(PublishedInstrument, "autonomy").questions(2)
    assert kept.continues == (step,)


@pytest.mark.parametrize("instrument", [AUTONOMY, FEEDBACK])
def test_an_outline_checks_and_scores_as_the_instrument_does(instrument: Instrument) -> None:
    rebuilt = instrument_of(instrument.code, instrument.version, outline_of(instrument))
    assert list(rebuilt.items) == list(instrument.items)
    assert rebuilt.dimension_codes == instrument.dimension_codes
    assert rebuilt.shared_items() == instrument.shared_items()
    assert outline_of(rebuilt) == outline_of(instrument)
    for dimension in instrument.dimension_codes:
        assert rebuilt.score(dimension, AGREES) == instrument.score(dimension, AGREES)


def test_instruments_are_published_by_who_runs_surveys() -> None:
    given().when(publish(by=adviser("ann"))).then_refused(Forbidden)


def test_the_version_in_use_is_the_newest_at_the_time() -> None:
    first, second = (
        Occurrence(published(), local("2026-01-01")),
        Occurrence(published(second_version()), local("2026-02-01")),
    )
    instrument = given(first, second).folded(PublishedInstrument, "autonomy")
    moments = ("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01")
    assert [instrument.in_use_at(local(moment)) for moment in moments] == [1, 1, 1, 2]
    with pytest.raises(Unknown):
        PublishedInstrument("autonomy").in_use_at(NOW)


# --- waves


def test_a_wave_asks_the_advisers_that_the_teams_have_today() -> None:
    given(*READY).when(open_wave(by=RESEARCHER)).then(OPENED)


def test_who_left_before_or_comes_later_is_not_asked() -> None:
    before = left_team("north", "ann", TODAY - timedelta(days=1))
    changed = given(*READY, before, *joined("flo", category="B"))
    opened = (
        changed.when(JoinTeam(at=NOW, team="north", adviser="flo", from_=TODAY + timedelta(days=1)))
        .when(open_wave())
        .events[0]
    )
    assert isinstance(opened, WaveOpened)
    assert opened.teams[0].advisers == FIVE[1:]


def test_teams_stay_as_they_were_when_the_wave_opened() -> None:
    later = given(*READY, OPENED, left_team("north", "ann", TODAY)).folded(Wave, "w1")
    assert later.eligible == {"north": FIVE, "south": ("zoe",)}


def test_a_wave_is_opened_once() -> None:
    given(*READY, OPENED).when(open_wave()).then_refused(WaveExists, wave="w1")


def test_one_wave_at_a_time_is_open_for_a_team() -> None:
    given(*READY, OPENED).when(open_wave("w2", teams=("south",))).then_refused(TeamInOpenWave, team="south")


def test_two_waves_of_a_team_are_three_months_apart() -> None:
    past = given(*READY, OPENED, CLOSED)
    soon = open_wave("w2", at=local("2026-06-01 09:00"), closes_on=date(2026, 7, 1))
    past.when(soon).then_refused(WavesTooClose, team="north", earlier=TODAY)
    later = past.when(open_wave("w2", at=local("2026-06-02 09:00"), closes_on=date(2026, 7, 1)))
    assert len(later.events) == 1
    before = open_wave("w0", at=local("2026-01-20 09:00"), closes_on=date(2026, 1, 31))
    past.when(before).then_refused(WavesTooClose, team="north", earlier=date(2026, 1, 20))


def test_a_wave_needs_teams_with_advisers() -> None:
    given(*READY, formed("east")).when(open_wave(teams=("east",))).then_refused(TeamWithoutAdvisers, team="east")
    given(*READY).when(open_wave(teams=())).then_refused(Invalid, field="teams")
    given(*READY).when(open_wave(teams=("north", "north"))).then_refused(Invalid, field="teams")
    given(*READY).when(open_wave(teams=("west",))).then_refused(Unknown, kind="team", id="west")


def test_a_wave_uses_a_published_survey() -> None:
    given(*READY).when(open_wave(version=2)).then_refused(Unknown, kind="instrument", id="autonomy.2")
    given(*READY).when(open_wave(instrument="other")).then_refused(Unknown, kind="instrument", id="other")
    with_feedback = given(*READY, published(FEEDBACK))
    with_feedback.when(open_wave(instrument="feedback")).then_refused(Unknown, kind="instrument", id="feedback.1")


@pytest.mark.parametrize("closes_on", [date(2026, 3, 1), date(9999, 1, 1)])
def test_a_wave_closes_on_a_day_to_come(closes_on: date) -> None:
    given(*READY).when(open_wave(closes_on=closes_on)).then_refused(Invalid, field="closes_on")


@pytest.mark.parametrize(
    "command",
    [
        open_wave("w2", by=adviser("ann")),
        close(by=adviser("ann")),
        ReopenWave(at=NOW, by=adviser("ann"), wave="w1"),
        IssueTokens(at=NOW, by=RESEARCHER, wave="w1"),
    ],
)
def test_waves_are_run_by_who_may(command: Command) -> None:
    given(*READY, OPENED).when(command).then_refused(Forbidden)


def test_tokens_are_issued_for_an_open_wave_and_leave_no_trace() -> None:
    issue = IssueTokens(at=NOW, by=COORDINATOR, wave="w1")
    given(*READY, OPENED).when(issue).then_unchanged()
    given(*READY, OPENED, CLOSED).when(issue).then_refused(WaveNotOpen, wave="w1")


def test_answers_are_taken_until_the_end_of_the_last_day() -> None:
    wave = given(*READY, OPENED).folded(Wave, "w1")
    assert wave.takes_answers_on(END_OF_MARCH)
    assert not wave.takes_answers_on(date(2026, 4, 1))
    assert not given(*READY, OPENED, CLOSED).folded(Wave, "w1").takes_answers_on(TODAY)


def test_a_wave_whose_answers_were_lost_lasts_anew() -> None:
    on_the_20th = ReopenWave(at=local("2026-03-20 09:00"), wave="w1")
    reopened = WaveReopened(wave="w1", teams=("north", "south"), closes_on=date(2026, 4, 18))
    wave = given(*READY, OPENED).when(on_the_20th).then(reopened).folded(Wave, "w1")
    assert (wave.closes_on, wave.reopened, wave.is_open) == (date(2026, 4, 18), 1, True)
    given(*READY, OPENED, CLOSED).when(on_the_20th).then_refused(WaveNotOpen)


# --- release


def test_closing_releases_all_answers_but_those_of_a_team_with_too_few() -> None:
    given(*READY, OPENED).when(close({"north": [AGREES] * 5, "south": [AGREES]})).then(
        CLOSED,
        WaveResponsesReleased(
            wave="w1",
            instrument="autonomy",
            version=1,
            responses=(
                TeamResponses(team="north", n=5, answers=(AGREES,) * 5),
                TeamResponses(team="south", n=1, answers=None),
            ),
        ),
    )


def test_four_answers_are_too_few_and_none_is_said_so() -> None:
    (_, released) = given(*READY, OPENED).when(close({"north": [AGREES] * 4})).events
    assert isinstance(released, WaveResponsesReleased)
    assert [(team.n, team.answers) for team in released.responses] == [(4, None), (0, None)]


def test_a_wave_is_closed_once() -> None:
    given(*READY, OPENED, CLOSED).when(close()).then_refused(WaveNotOpen, wave="w1")
    given(*READY).when(close()).then_refused(Unknown, kind="wave", id="w1")
    assert not given(*READY, OPENED, CLOSED).folded(AdviserTeam, "north").waves["w1"].is_open


@pytest.mark.parametrize(
    ("answers", "error"),
    [({"s1": 6, "s2": 1}, OutsideScale), ({"x1": 1}, UnknownItem), ({"s1": 1, "d1": 1}, TooFewItems)],
)
def test_what_is_released_fits_the_instrument(answers: dict[str, int], error: type[Invalid]) -> None:
    given(*READY, OPENED).when(close({"north": [answers]})).then_refused(error)


def test_no_more_answers_are_released_than_there_were_people_to_answer() -> None:
    given(*READY, OPENED).when(close({"south": [AGREES] * 2})).then_refused(MoreAnswersThanEligible, team="south")
    given(*READY, OPENED).when(close({"west": [AGREES]})).then_refused(Unknown, kind="team", id="west")


def test_answers_leave_the_log_through_the_statistics_gate_only() -> None:
    assert tags.withheld_fields(WaveResponsesReleased) == {"responses"}
    assert tags.withheld_fields(WaveOpened) == frozenset()
