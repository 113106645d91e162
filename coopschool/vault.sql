-- name: email_owner
-- Who has this e-mail address.
select person from vault_people where email_hash = %s

-- name: put_person
-- Sets what is given of a person's details and counts the change.
insert into vault_people as known (person, name, email, email_hash)
values (%(person)s, %(name)s, %(email)s, %(email_hash)s)
on conflict (person) do update set
    name = case when %(name_given)s then excluded.name else known.name end,
    email = case when %(email_given)s then excluded.email else known.email end,
    email_hash = case when %(email_given)s then excluded.email_hash else known.email_hash end,
    version = known.version + 1

-- name: put_text
insert into vault_texts (id, about, author, body) values (%s, %s, %s, %s) on conflict (id) do nothing

-- name: put_place
insert into vault_places (code, name) values (%s, %s) on conflict (code) do nothing

-- name: put_references
insert into vault_references (reference, id)
select * from unnest(%s::bytea[], %s::text[])
on conflict (reference) do nothing

-- name: people
select person, name, email, version from vault_people where person = any(%s)

-- name: texts
select id, body from vault_texts where id = any(%s)

-- name: texts_of
select id, body from vault_texts where about = %(person)s or author = %(person)s order by id

-- name: places
select code, name from vault_places where code = any(%s)

-- name: references
select reference, id from vault_references where reference = any(%s)

-- name: search
-- People whose name or address holds the words.
select person from vault_people
where name ilike %(pattern)s or email ilike %(pattern)s
order by name, person
limit %(limit)s
