-- name: open
-- Waves that were opened and not closed, by their tags, in the order of their opening.
select opened.tag
from event_tags opened
where opened.tag like 'wave:%%' and opened.type = any(%(opened)s)
    and not exists (select from event_tags closed where closed.tag = opened.tag and closed.type = any(%(closed)s))
order by opened.position
