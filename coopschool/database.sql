-- name: take_turns
-- One process at a time makes the database.
select pg_advisory_lock(hashtextextended('coopschool database', 0))

-- name: database_exists
select from pg_database where datname = %s

-- name: create_database
create database {}

-- name: roles_of_login
-- Which of these roles the login may act as.
select rolname from pg_roles where rolname = any(%s) and pg_has_role(oid, 'SET')

-- name: unfinished_restore
-- Whether a restore into this schema was begun and not finished.
select begun_at from {schema}.unfinished_restore
