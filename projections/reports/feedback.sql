-- name: instruments
-- The questionnaires known by then, whatever the moment of the report: what an answer means does not change.
select instrument, version, outline
from instruments
where position <= :known
order by instrument, version

-- name: answers
-- What was answered on sessions, as it was released: for the gate alone, which chooses by `as_of` among whole batches.
select
    position, occurred_at, session, module, instrument, version, moment, source, item, score, sum(times) as times
from feedback_answers
where position <= :known
    and (cast(:module as text) is null or module = cast(:module as text))
    and (cast(:session as text) is null or session = cast(:session as text))
group by position, occurred_at, session, module, instrument, version, moment, source, item, score
order by position, source, item, score
