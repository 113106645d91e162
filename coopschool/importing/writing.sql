-- name: email_owners
-- Who has these e-mail addresses, by keyed hash.
select email_hash, person from vault_people where email_hash = any(%s)

-- name: put_people
-- Keeps the names and addresses of many people.
insert into vault_people (person, name, email, email_hash)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[])
on conflict (person) do update set
    name = excluded.name, email = excluded.email, email_hash = excluded.email_hash, version = vault_people.version + 1

-- name: references_taken
-- Whether another import has brought one of these meanwhile.
select exists (select from vault_references where reference = any(%s))
