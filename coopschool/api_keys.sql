-- name: create
insert into api_keys (key_id, hash, name, scopes, created_at, created_by, expires_at)
values (%(key_id)s, %(hash)s, %(name)s, %(scopes)s, %(created_at)s, %(created_by)s, %(expires_at)s)

-- name: in_force
-- The key with this hash, if it counts at this moment.
select key_id, scopes, expires_at from api_keys where hash = %(hash)s and revoked_at is null and expires_at > %(at)s

-- name: all
-- Every key there ever was, the newest first.
select key_id, name, scopes, created_at, created_by, expires_at, revoked_at
from api_keys order by created_at desc, key_id

-- name: revoke
-- Takes a key back for good; the first time counts.
update api_keys set revoked_at = coalesce(revoked_at, %(at)s) where key_id = %(key_id)s

-- name: exists
select from api_keys where key_id = %s
