-- name: server
-- What kind of PostgreSQL this is, and as whom and where we are in it.
select current_setting('server_version'), current_user, current_schema(), current_database()

-- name: head
-- Where the log ends.
select coalesce(max(position), 0) from events

-- name: rights
-- What each role can do that it must not, and cannot do that it must.
select given.role, given.may, given.relation, given.privilege
from unnest(%(roles)s::text[], %(may)s::boolean[], %(relations)s::text[], %(privileges)s::text[])
    as given (role, may, relation, privilege)
where has_table_privilege(given.role, given.relation, given.privilege) <> given.may
order by given.role, given.relation, given.privilege

-- name: powers
-- Roles that stand above every rule.
select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls) order by rolname

-- name: waiting
-- For how many seconds the event after a position has been in the log.
select extract(epoch from clock_timestamp() - recorded_at)::float8 from events where position = %s + 1
