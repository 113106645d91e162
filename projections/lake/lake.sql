-- What the export reads, in one REPEATABLE READ transaction in the live generation.

-- name: take_your_time
-- An export reads for minutes.
select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '600000', true)

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
copy (
    with ended as materialized (
        select tag, min(position) as position
        from event_tags
        where type = any(%(endings)s) and position <= %(head)s
            and (tag >= 'session:' and tag < 'session;' or tag >= 'wave:' and tag < 'wave;')
        group by tag
    ),
    large as materialized (
        select 'session:' || session as tag
        from enrolments
        where position <= %(head)s
        group by session
        having count(distinct member) >= %(min_group)s
    ),
    held as materialized (
        select
            t.position, bool_and(e.tag is not null) as ended, max(e.position) as since,
            bool_or(t.tag < 'wave:' and l.tag is null) as small
        from event_tags t
        left join ended e on e.tag = t.tag
        left join large l on l.tag = t.tag
        where t.position <= %(head)s
            and (t.tag >= 'session:' and t.tag < 'session;' or t.tag >= 'wave:' and t.tag < 'wave;')
        group by t.position
    )
    select
        e.position, e.type, (e.occurred_at at time zone %(zone)s)::date, (e.recorded_at at time zone %(zone)s)::date,
        array_to_string(e.tags, chr(31)), e.data, coalesce(h.small, false)
    from events e
    left join held h on h.position = e.position
    where e.position <= %(head)s
        and case when h.position is null then e.position > %(after)s else h.ended and greatest(e.position, h.since) > %(after)s end
    order by e.position
) to stdout (format csv)

-- name: recorded
-- The last position recorded on each of the school's days.
copy (
    select (recorded_at at time zone %(zone)s)::date, max(position)
    from events
    where position > %(after)s and position <= %(head)s
    group by 1
    order by 1
) to stdout (format csv)

-- name: recorded_at
-- When the log's last event that counts was recorded.
select recorded_at from events where position = %s
