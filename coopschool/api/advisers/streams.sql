-- name: of_all
-- Every event of these types, in order.
select position, type, tags, data, occurred_at
from events
where type = any(%(types)s)
order by position

-- name: of_tag
-- The same of what carries a tag.
select e.position, e.type, e.tags, e.data, e.occurred_at
from event_tags t join events e using (position)
where t.tag = %(tag)s and t.type = any(%(types)s)
order by t.position
