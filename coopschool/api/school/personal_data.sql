-- name: concerning
-- Every event of a person's streams, in order.
select position, type, data, occurred_at, recorded_at
from events
where position in (select position from event_tags where tag = any(%s))
order by position
