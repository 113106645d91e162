-- name: person_of
-- Who signs in with this identity.
select person from vault_identities where identity = %s

-- name: identity_of
-- How this person signs in.
select identity from vault_identities where person = %s

-- name: put
insert into vault_identities (identity, person) values (%s, %s) on conflict (identity) do nothing
