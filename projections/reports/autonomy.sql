-- What the statistics gate needs beside the answers, wave by wave. A release is taken whole or not at all: `known` and `as_of`
-- choose among releases, and everything about a wave is as it was known at its release, but for decisions, which are counts
-- of what happened and may be recorded late.

-- name: instruments
-- The questionnaires known by then, whatever the moment of the report: what an answer means does not change.
select instrument, version, outline
from instruments
where position <= :known
order by instrument, version

-- name: releases
-- The waves that were released.
select wave, position, occurred_at, released_on, instrument, version
from wave_releases
where position <= :known and occurred_at <= :as_of
order by wave

-- name: eligible
-- Who could answer in them, and the quarter that their telework is counted in.
select e.wave, e.team, e.adviser, e.quarter
from eligible e
join wave_releases r on r.wave = e.wave
where r.position <= :known and r.occurred_at <= :as_of
order by e.wave, e.team, e.adviser, e.quarter

-- name: telework
-- The days that each team worked in the last full quarter before the wave, and those at home, by regime.
with asked as (
    select e.wave, e.team, e.quarter, r.position
    from eligible e
    join wave_releases r on r.wave = e.wave
    where r.position <= :known and r.occurred_at <= :as_of
    group by e.wave, e.team, e.quarter, r.position
)
select a.wave, a.team, t.regime, sum(t.days_teleworked) as days_teleworked, sum(t.days_worked) as days_worked
from asked a
join telework t on t.team = a.team and t.quarter = a.quarter and t.position <= a.position
group by a.wave, a.team, t.regime
order by a.wave, a.team, t.regime

-- name: decisions
-- The team's decisions as they stood on the day of the release; `overdue` counts those whose review was due before.
with asked as (
    select e.wave, e.team, r.occurred_at as released_at, r.released_on
    from eligible e
    join wave_releases r on r.wave = e.wave
    where r.position <= :known and r.occurred_at <= :as_of
    group by e.wave, e.team, r.occurred_at, r.released_on
),
standing as (
    select a.wave, a.team, a.released_on, d.decision, d.theme, d.outcome, d.decided_by, d.review_on
    from asked a
    join decisions d on d.team = a.team and d.occurred_at <= a.released_at
    where d.position <= :known
    group by a.wave, a.team, a.released_on, d.decision, d.theme, d.outcome, d.decided_by, d.review_on
    having sum(d.sign) > 0
)
select
    wave, team, theme, outcome, decided_by, count(*) as decisions,
    sum(case when review_on < released_on then 1 else 0 end) as overdue
from standing
group by wave, team, theme, outcome, decided_by
order by wave, team, theme, outcome, decided_by
