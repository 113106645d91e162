-- name: begin_staging
-- Where many events wait before the lock, in the order they will have. The session's own, gone with it.
create temporary table staged_events (
    number bigint not null,
    type text not null,
    tags text[] not null,
    data text not null,
    occurred_at timestamptz not null,
    actor text not null,
    correlation uuid not null,
    causation uuid
)

-- name: take_time
-- One statement appends it all: it may take longer than a command's.
set local statement_timeout = '10min'

-- name: begin_chaining
create temporary table staged_chain (number bigint not null, hash bytea not null) on commit drop

-- name: stage
copy staged_events (number, type, tags, data, occurred_at, actor, correlation, causation) from stdin

-- name: chain
copy staged_chain (number, hash) from stdin

-- name: appended_after
-- What others have appended since the decisions were made.
select type, tags from events where position > %s

-- name: append_staged
-- Moves the staged events behind the head of the log, with their tags, in one statement.
with given as (
    select
        %(after)s::bigint + s.number as position, s.type, s.tags, s.data, s.occurred_at,
        %(recorded_at)s::timestamptz as recorded_at, s.actor, s.correlation, s.causation, c.hash
    from staged_events s join staged_chain c using (number)
), tagged as (
    insert into event_tags (tag, type, position)
    select distinct tag, type, position from given, unnest(tags) as tag order by tag, type, position
)
insert into events (position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash)
select position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash
from given
order by position

-- name: end_staging
drop table if exists staged_events
