-- The answers of people as they were released, without persons: what only the gate reads.

-- name: of_waves
-- The answers to the waves that were released by then, by team and answer.
select a.wave, a.team, a.answer, a.item, a.score
from wave_answers a
join wave_releases r on r.wave = a.wave
where r.position <= %(known)s and r.occurred_at <= %(as_of)s
order by a.wave, a.team, a.answer, a.item, a.score

-- name: of_sessions
-- How often each score was given on sessions, release by release; as of when is chosen among whole batches.
select
    position, occurred_at, session, module, instrument, version, moment, source, item, score, sum(times) as times
from feedback_answers
where position <= %(known)s
    and (%(module)s::text is null or module = %(module)s)
    and (%(session)s::text is null or session = %(session)s)
group by position, occurred_at, session, module, instrument, version, moment, source, item, score
order by position, source, item, score
