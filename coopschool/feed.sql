-- name: head
-- Where the log ends; 0 while it is empty.
select coalesce(max(position), 0) from events

-- name: page
-- What follows a position, of the given types (null: of all), in order.
select position, type, tags, occurred_at, recorded_at, data
from events
where position > %(after)s and (%(types)s::text[] is null or type = any(%(types)s))
order by position
limit %(limit)s

-- name: page_of_tag
-- The same of one stream.
select e.position, e.type, e.tags, e.occurred_at, e.recorded_at, e.data
from event_tags t join events e using (position)
where t.tag = %(tag)s and t.position > %(after)s and (%(types)s::text[] is null or t.type = any(%(types)s))
order by t.position
limit %(limit)s
