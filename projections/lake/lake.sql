-- What the export reads, in one REPEATABLE READ transaction in the live generation.

-- name: take_your_time
-- An export reads for minutes, for most of them by another connection.
select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)

-- name: here
-- What another connection needs to know so as to see the same.
select pg_export_snapshot(), current_setting('search_path')

-- name: as_here
-- Names mean there what they do here; and what is grouped need not go to disk.
select
    set_config('search_path', %s, true), set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)

-- name: epoch
-- Which life of the log this is.
select epoch from log_epochs order by begun_after desc, begun_at desc limit 1

-- name: checkpoints
-- How far the projections have come; where one stopped.
select projection, position, stopped_position, stopped_type, stopped_cause
from projection_checkpoints
where generation = %s
order by position

-- name: dated_tables
-- The tables of the generation that hold facts.
select c.relname
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attname = 'position'
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
order by c.relname

-- name: columns
-- A table's columns as they are described in the database.
select
    a.attname, format_type(a.atttypid, null), col_description(a.attrelid, a.attnum), obj_description(a.attrelid, 'pg_class')
from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum

-- name: events
-- The events that researchers may see after one position and up to another. One that concerns a session or a wave
-- appears when that has ended, with the position of the end; `small`: its session had too few people to be shown
-- other than in counts.
with large as materialized (
    select 'session:' || session as tag
    from (select distinct session, member from enrolments where position <= %(head)s) as known
    group by session
    having count(*) >= %(min_group)s
),
groups as materialized (
    select
        tag, min(position) filter (where type = any(%(endings)s)) as ended_at,
        tag < 'wave:' and tag not in (select tag from large) as small
    from event_tags
    where position <= %(head)s and (tag >= 'session:' and tag < 'session;' or tag >= 'wave:' and tag < 'wave;')
    group by tag
),
-- All that is not simply shown at its position: few, so that the log can be read in its order, without sorting it.
-- They are looked up in the index: `offset 0` keeps the planner from reading the whole table instead.
apart as materialized (
    select
        t.position, bool_or(g.ended_at is null) as open, bool_or(g.ended_at > %(after)s) as since,
        bool_or(g.small) as small
    from groups g
    cross join lateral (select position from event_tags where tag = g.tag and position <= %(head)s offset 0) as t
    where g.ended_at is null or g.small or g.ended_at > %(after)s and %(after)s > 0
    group by t.position
)
select
    e.position, e.type, (e.occurred_at at time zone %(zone)s)::date, (e.recorded_at at time zone %(zone)s)::date,
    e.tags, e.data, coalesce(a.small, false)
from events e
left join apart a on a.position = e.position
where e.position <= %(head)s and not coalesce(a.open, false) and (e.position > %(after)s or a.since)
order by e.position

-- name: recorded
-- The last position recorded on each of the school's days.
select (recorded_at at time zone %(zone)s)::date, max(position)
from events
where position > %(after)s and position <= %(head)s
group by 1
order by 1

-- name: recorded_at
-- When the log's last event that counts was recorded.
select recorded_at from events where position = %s
