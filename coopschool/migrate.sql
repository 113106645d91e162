-- What migrating needs beside the migrations themselves. {braces} hold identifiers of the school's schema.

-- name: take_turns
-- One migration of a schema at a time; let go when the connection closes.
select pg_advisory_lock(hashtextextended('coopschool ' || %s, 0))

-- name: role_exists
select from pg_roles where rolname = %s

-- name: may_act_as
-- Whether this login may act as the role.
select from pg_roles where rolname = %s and pg_has_role(oid, 'SET')

-- name: create_role
create role {role} nologin

-- name: create_role_that_logs_in
create role {role} login

-- name: join_role
grant {role} to current_user with set true, inherit true

-- name: schema_exists
select from pg_namespace where nspname = %s

-- name: create_schema
create schema {schema} authorization {owner}

-- name: projector_may_create_schemas
select has_database_privilege(%s, current_database(), 'create')

-- name: let_projector_create_schemas
-- Each generation of facts is a schema of the projector's own.
grant create on database {database} to {projector}

-- name: become_owner
set role {owner}

-- name: work_in_schema
set search_path = {schema}

-- name: create_migrations
create table if not exists migrations (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)

-- name: migrations_table
select to_regclass(%s)

-- name: applied
select number, sha256 from {schema}.migrations

-- name: remember
insert into migrations (number, name, sha256) values (%s, %s, %s)
