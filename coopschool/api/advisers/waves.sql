-- name: opened_before
-- Waves in the order in which they were opened, the newest first: position and tag of each.
select t.position, t.tag
from event_tags t
where t.type = any(%(opened)s) and t.tag like 'wave:%%' and t.position < %(before)s
order by t.position desc
limit %(limit)s
