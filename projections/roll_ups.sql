-- Roll-ups: facts that are summed already, for reports that would read too many of them. Each row says what its sum spans
-- in both clocks: a report whose clocks take in the whole span reads the row; where one cuts through, it sums the changes
-- again, as far as the clocks reach. A column `first_…` is the least of its changes, `last_…` the greatest, all others that
-- are no key are sums.

-- name: tables
-- What became of all in a session.
create table session_totals (
    first_position bigint not null,
    last_position bigint not null,
    first_occurred_at timestamptz not null,
    last_occurred_at timestamptz not null,
    last_seat_at timestamptz,
    session text not null,
    seat integer not null,
    enrolled integer not null,
    waitlisted integer not null,
    promoted integer not null,
    withdrawn integer not null,
    cancelled integer not null,
    no_show integer not null,
    completed integer not null,
    not_completed integer not null,
    present integer not null,
    absent integer not null
);

-- What became of a member in a session.
create table participations (
    first_position bigint not null,
    last_position bigint not null,
    first_occurred_at timestamptz not null,
    last_occurred_at timestamptz not null,
    session text not null,
    member text not null,
    enrolled smallint not null,
    waitlisted smallint not null,
    promoted smallint not null,
    withdrawn smallint not null,
    cancelled smallint not null,
    no_show smallint not null,
    completed smallint not null,
    not_completed smallint not null,
    days integer not null,
    present smallint not null,
    absent smallint not null
);

-- How many completed a session's module so many days after they had enrolled.
create table completions (
    first_position bigint not null,
    last_position bigint not null,
    first_occurred_at timestamptz not null,
    last_occurred_at timestamptz not null,
    session text not null,
    days integer not null,
    completed integer not null
);

-- name: participation_changes
-- `days` times `completed`: of a sum, too, it is the days of who completed once; -1 of who was never enrolled.
select
    position as first_position, position as last_position, occurred_at as first_occurred_at,
    occurred_at as last_occurred_at, case when seat <> 0 then occurred_at end as last_seat_at, session, member, seat,
    enrolled, waitlisted, promoted, withdrawn, cancelled, no_show, completed, not_completed,
    coalesce(days, -1) * completed as days, 0 as present, 0 as absent
from enrolments
union all
select
    position, position, occurred_at, occurred_at, cast(null as timestamptz), session, member, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, present, absent
from attendance

-- name: completion_changes
select
    position as first_position, position as last_position, occurred_at as first_occurred_at,
    occurred_at as last_occurred_at, session, days, completed
from enrolments
where completed <> 0 and days is not null

-- name: compare
-- Whether a roll-up is what its changes sum up to: as many rows, and as great a sum of their hashes.
with summed as ({sums})
select
    (select row(count(*), sum(hash_record_extended(known, 0)::numeric)) from (select {columns} from {table}) as known)
    = (select row(count(*), sum(hash_record_extended(summed, 0)::numeric)) from summed)
