-- name: alone
-- Whether no other process applies the periods right now; held until `done`, or until the connection is lost.
select pg_try_advisory_lock(('events'::regclass::oid::bigint << 8) | 4)

-- name: done
-- Lets the next one begin at once: PostgreSQL notices a closed connection a moment later.
select pg_advisory_unlock(('events'::regclass::oid::bigint << 8) | 4)

-- name: count_old_answers
select count(*) from idempotency where recorded_at < %(before)s

-- name: forget_old_answers
delete from idempotency where recorded_at < %(before)s

-- name: old_texts
-- Comments on sessions, trainers' notes and notes on corrections that were given before a moment and are still there.
select id
from vault_texts
where id in (
    select comment::uuid
    from events cross join jsonb_array_elements_text(data::jsonb -> 'comments') as comment
    where type = any(%(with_comments)s) and occurred_at < %(before)s
    union all
    select (data::jsonb ->> 'note')::uuid
    from events
    where type = any(%(with_note)s) and occurred_at < %(before)s and data::jsonb ->> 'note' is not null
)

-- name: forget_texts
delete from vault_texts where id = any(%s)

-- name: left_before
-- Whose membership ended before a moment, and who is not erased.
select distinct substr(ended.tag, length('member:') + 1)
from event_tags ended
join events using (position)
where ended.tag like 'member:%%' and ended.type = any(%(ended)s) and occurred_at < %(before)s
    and not exists (
        select from event_tags erased
        where erased.tag = 'person:' || substr(ended.tag, length('member:') + 1) and erased.type = any(%(erased)s)
    )
order by 1
