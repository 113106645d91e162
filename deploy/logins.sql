-- The logins of a deployment, each with the roles of its one task and a password from a file of its own. PostgreSQL's
-- image runs this once, as superuser, when it makes the database; on a server of yours run it with psql:
--   SECRETS_DIR=secrets COOPSCHOOL_SCHEMA=coopschool psql -v ON_ERROR_STOP=1 -d coopschool -f deploy/logins.sql
\set secrets /run/secrets
\getenv secrets SECRETS_DIR
\set schema coopschool
\getenv schema COOPSCHOOL_SCHEMA

\set owner :schema _owner
\set app :schema _app
\set projector :schema _projector
\set reader :schema _reader
create role :"owner" nologin;
create role :"app" nologin;
create role :"projector" nologin;
create role :"reader" nologin;

\set migrator :schema _migrator
\set password `cat :'secrets'/migrator_password`
create role :"migrator" login password :'password' in role :"owner";

\set api :schema _api
\set password `cat :'secrets'/api_password`
create role :"api" login password :'password' in role :"app", :"reader";

\set runner :schema _projections
\set password `cat :'secrets'/projections_password`
create role :"runner" login password :'password' in role :"projector", :"reader";

-- The migrator makes the schema; nobody else comes in who has no business here. Only imports need temporary tables.
select current_database() as database \gset
revoke all on database :"database" from public;
grant connect on database :"database" to :"owner", :"app", :"projector", :"reader";
grant temporary on database :"database" to :"app";
grant create on database :"database" to :"owner", :"projector";
grant connect, create on database :"database" to :"migrator";
