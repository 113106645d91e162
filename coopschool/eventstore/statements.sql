-- name: lock_log
-- Whoever appends to the log or writes the vault holds this lock until commit. By the table's oid, so that two schools
-- in one database do not wait for each other. Alone and first: a statement that also read the head would read a stale one.
select pg_advisory_xact_lock(('events'::regclass::oid::bigint << 8) | 1)

-- name: give_up_after
-- How long a transaction may last before PostgreSQL ends its session, and the lock is free; from PostgreSQL 17 on.
-- (The idle-in-transaction time-out does not do: psycopg's pipelines end with a Flush, which disarms it.)
select set_config(name, %s, false) from pg_settings where name = 'transaction_timeout'

-- name: head
-- Where the log ends: position, hash and time of its last event.
select position, hash, recorded_at from events order by position desc limit 1

-- name: head_position
select coalesce(max(position), 0) from events

-- name: append
-- Appends events with their positions and tags, both tables in one statement. One JSON text is far cheaper to send than
-- an array for each column.
with given as (
    select *
    from json_to_recordset(%s::json) as given (
        position bigint, type text, tags text[], data text, occurred_at timestamptz, recorded_at timestamptz,
        actor text, correlation uuid, causation uuid, hash text
    )
), tagged as (
    insert into event_tags (tag, type, position)
    select distinct tag, type, position from given, unnest(tags) as tag
)
insert into events (position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash)
select position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, decode(hash, 'hex')
from given

-- name: notify
-- Wakes whoever follows the log. Last before commit, once per commit: it takes a lock of the whole server.
select pg_notify(current_schema(), %s)

-- name: after
-- What was appended after a position, in order.
select position, type, tags, data, occurred_at from events where position > %s order by position limit %s

-- name: streams
-- The events of several tags, of given types only, up to a position, in order.
select t.tag, e.position, e.type, e.data, e.occurred_at
from event_tags t join events e using (position)
where t.tag = any(%s) and t.type = any(%s::text[]) and t.position <= %s
order by e.position

-- name: hash_at
select hash from events where position = %s

-- name: read
-- The library's query: events that match at least one item (all its tags, any of its types), after a position.
with items as (
    select row_number() over () as item, types, tags
    from jsonb_to_recordset(%(items)s) as item (types text[], tags text[])
), matching as (
    select t.position
    from items i join event_tags t on t.tag = any(i.tags) and (cardinality(i.types) = 0 or t.type = any(i.types))
    where t.position > %(after)s
    group by i.item, i.tags, t.position
    having count(*) = cardinality(i.tags)
    union
    select e.position
    from items i join events e on cardinality(i.types) = 0 or e.type = any(i.types)
    where cardinality(i.tags) = 0 and e.position > %(after)s
)
select e.position, e.type, e.tags, e.data, e.occurred_at, e.recorded_at, e.actor, e.correlation, e.causation, e.hash
from matching join events e using (position)
order by e.position
limit %(limit)s

-- name: read_all
select position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash
from events
where position > %(after)s
order by position
limit %(limit)s

-- name: answers
-- What earlier requests with these keys were answered.
select key, body, answer, position from idempotency where key = any(%s)

-- name: remember
-- Keeps the answers of this group's requests, beside their events.
insert into idempotency (key, body, answer, position, recorded_at)
select given.key, given.body, given.answer, given.position, %s::timestamptz
from unnest(%s::bytea[], %s::bytea[], %s::text[], %s::bigint[]) as given (key, body, answer, position)

-- name: tags_missing
-- Tags of events that the index lacks; a hundred are enough to know.
select position, tag
from (
    select tag, type, position from events, unnest(tags) as tag
    except
    select tag, type, position from event_tags
) as missing
order by position, tag
limit 100

-- name: tags_too_many
-- Entries of the index that no event carries.
select position, tag
from (
    select tag, type, position from event_tags
    except
    select tag, type, position from events, unnest(tags) as tag
) as too_many
order by position, tag
limit 100

-- name: epoch
-- Which life of the log this is.
select epoch from log_epochs order by begun_after desc, begun_at desc limit 1
