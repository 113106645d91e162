-- name: email_owners
-- Who has these e-mail addresses, by keyed hash.
select email_hash, person from vault_people where email_hash = any(%s)

-- name: begin_staging_references
create temporary table staged_references (reference bytea not null, id text not null)

-- name: begin_staging_people
create temporary table staged_people (person uuid not null, name text, email text, email_hash bytea)

-- name: end_staging
drop table if exists staged_references, staged_people

-- name: stage_references
copy staged_references (reference, id) from stdin

-- name: stage_people
copy staged_people (person, name, email, email_hash) from stdin

-- name: references_taken
-- Whether another import has brought one of these meanwhile.
select exists (select from vault_references join staged_references using (reference))

-- name: emails_taken
-- Whether somebody else was given one of these e-mail addresses meanwhile.
select exists (
    select from vault_people v join staged_people s using (email_hash) where v.person <> s.person
)

-- name: put_references
insert into vault_references (reference, id) select reference, id from staged_references

-- name: put_people
-- Keeps the names and addresses of many people; what a row does not give stays.
insert into vault_people as known (person, name, email, email_hash)
select person, name, email, email_hash from staged_people
on conflict (person) do update set
    name = coalesce(excluded.name, known.name),
    email = coalesce(excluded.email, known.email),
    email_hash = coalesce(excluded.email_hash, known.email_hash),
    version = known.version + 1
