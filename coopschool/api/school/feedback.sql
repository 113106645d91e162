-- name: released
-- The feedback that was released of a session, in the order of the log: type and data of each event.
select e.type, e.data
from event_tags t join events e using (position)
where t.tag = %(tag)s and t.type = any(%(released)s)
order by e.position
