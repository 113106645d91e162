-- name: head
-- Where the log ends; 0 while it is empty.
select coalesce(max(position), 0) from events

-- name: end
-- The same, and which life of the log this is: a restore from a backup begins another.
select
    (select coalesce(max(position), 0) from events),
    (select epoch from log_epochs order by begun_after desc, begun_at desc limit 1)

-- name: epoch_begun_after
-- Up to which position an earlier life of the log and this one are the same; null where there was no such life.
select min(later.begun_after)
from log_epochs earlier
join log_epochs later on (later.begun_after, later.begun_at) > (earlier.begun_after, earlier.begun_at)
where earlier.epoch = %s

-- name: page
-- What follows a position, of the given types and times (null: of all), in order.
select position, type, tags, occurred_at, recorded_at, data
from events
where position > %(after)s and (%(types)s::text[] is null or type = any(%(types)s))
    and (%(occurred_from)s::timestamptz is null or occurred_at >= %(occurred_from)s)
    and (%(occurred_to)s::timestamptz is null or occurred_at <= %(occurred_to)s)
order by position
limit %(limit)s

-- name: page_of_tag
-- The same of one stream.
select e.position, e.type, e.tags, e.occurred_at, e.recorded_at, e.data
from event_tags t join events e using (position)
where t.tag = %(tag)s and t.position > %(after)s and (%(types)s::text[] is null or t.type = any(%(types)s))
    and (%(occurred_from)s::timestamptz is null or e.occurred_at >= %(occurred_from)s)
    and (%(occurred_to)s::timestamptz is null or e.occurred_at <= %(occurred_to)s)
order by t.position
limit %(limit)s

-- name: at
-- The events at these positions, in order.
select position, type, tags, occurred_at, recorded_at, data
from events
where position = any(%s)
order by position
