-- name: head
-- Where the log ends. Positions have no gaps and become visible in order.
select coalesce(max(position), 0) from events

-- name: between
-- The next batch of what somebody reads.
select position, type, data, occurred_at, recorded_at
from events
where position > %s and position <= %s and type = any(%s)
order by position

-- name: about
-- The past of a few cases: every event with one of these tags, once.
select position, type, data, occurred_at, recorded_at
from events
where position in (select t.position from event_tags t where t.tag = any(%s) and t.type = any(%s) and t.position <= %s)
order by position
