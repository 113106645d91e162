-- name: concerning
-- Every event of a person's streams, and of what names them in a list or refers to what they wrote, in order.
select position, type, data, occurred_at, recorded_at
from events
where position in (
    select position from event_tags where tag = any(%(streams)s)
    union
    select position from events where type = any(%(naming)s) and data like %(holds_id)s
    union
    select position from events where type = any(%(wording)s) and data like any(%(holds_texts)s)
)
order by position

-- name: module_words
-- The newest words of modules, as kept in the vault.
select distinct on (data::jsonb ->> 'module') data::jsonb ->> 'module', body
from events join vault_texts on id = (data::jsonb ->> 'text')::uuid
where type = any(%(topics)s) and data::jsonb ->> 'module' = any(%(modules)s)
order by data::jsonb ->> 'module', position desc

-- name: team_names
select data::jsonb ->> 'team', body
from events join vault_texts on id = (data::jsonb ->> 'name')::uuid
where type = any(%(topics)s) and data::jsonb ->> 'team' = any(%(teams)s)

-- name: also_kept
-- What is kept beside names, texts and events: a sign-in, references of other systems, answers to repeated requests.
select
    exists (select from vault_identities where person = %(person)s::uuid),
    (select count(*) from vault_references where id = %(person)s::uuid::text),
    (select count(*) from idempotency where answer like %(holds_id)s),
    array(select name from api_keys where created_by = %(person)s::uuid order by created_at)
