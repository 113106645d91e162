-- name: instruments
-- The questionnaires known by then, whatever the moment of the report: what an answer means does not change.
select instrument, version, outline
from instruments
where position <= :known
order by instrument, version
