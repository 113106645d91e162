-- name: references_of
-- By what this person was imported, as keyed hashes; their rows' own references too.
select reference from vault_references where id = %(person)s

-- name: called
-- How others may have written of this person.
select name, email from vault_people where person = %(person)s

-- name: erase_people
delete from vault_people where person = %(person)s

-- name: erase_texts
-- What was written about or by the person: notes, comments, reasons in words.
delete from vault_texts where about = %(person)s or author = %(person)s

-- name: erase_places
-- Places in words that nobody but this person has wished for, and where no session is.
delete from vault_places
where code in (
    select place
    from event_tags
    join events using (position)
    cross join jsonb_array_elements_text(data::jsonb -> 'places') as place
    where tag = any(%(streams)s) and event_tags.type like 'InterestRegistered.%%'
) and not exists (
    select from events
    where type like any(array['InterestRegistered.%%', 'SessionScheduled.%%', 'ArrangementsChanged.%%'])
        and not tags && %(streams)s::text[] and data like '%%"' || code || '"%%'
)

-- name: erase_references
delete from vault_references where id = %(person)s or reference = any(%(references)s)

-- name: erase_sign_ins
delete from vault_identities where person = %(person)s

-- name: erase_remembered_answers
-- Answers to repeated requests that speak of the person, be it by id only.
delete from idempotency where answer like %(holds_id)s

-- name: erase_mentions_in_texts
-- What others wrote keeps its sense and loses the name.
update vault_texts set body = regexp_replace(body, %(mention)s, '…', 'gi') where body ~* %(mention)s

-- name: erase_mentions_in_places
update vault_places set name = regexp_replace(name, %(mention)s, '…', 'gi') where name ~* %(mention)s

-- name: erased_at
-- When a person was erased.
select occurred_at
from events
where position = (select max(position) from event_tags where tag = %s and type like 'PersonalDataErased.%%')

-- name: erased_in_log
-- Everybody whom the log says to be erased.
select distinct substr(tag, length('person:') + 1)
from event_tags
where type like 'PersonalDataErased.%' and tag like 'person:%'

-- name: back
-- Of those who were erased: whom the log knows and does not say to be erased, or of whom the vault holds anything.
with known as (
    select id from unnest(%(ids)s::text[]) as id
    where exists (
        select from event_tags where tag = 'person:' || id and type like 'PersonRegistered.%%'
    )
)
select id from known where not id = any(%(gone)s::text[])
union
select id from known where id in (
    select person::text from vault_people where person = any(%(people)s)
    union all select about::text from vault_texts where about = any(%(people)s)
    union all select author::text from vault_texts where author = any(%(people)s)
    union all select person::text from vault_identities where person = any(%(people)s)
    union all select id from vault_references where id = any(%(ids)s) or reference = any(%(references)s)
)
order by 1
