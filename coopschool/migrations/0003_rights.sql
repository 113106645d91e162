-- Who may do what. Nobody but the owner can change or remove an event; the owner itself serves nothing.
-- :"app" and the like stand for this schema's roles, as in psql.

grant usage on schema :"schema" to :"app", :"projector", :"reader";

-- The application appends to the log.
grant select, insert on events, event_tags to :"app";
grant select on events_readable, log_epochs, migrations to :"app";

-- The vault forgets, and remembered answers expire.
grant select, insert, update, delete on vault_people, vault_texts, vault_places, vault_references to :"app";
grant select, insert, delete on idempotency to :"app";

-- Projections read the log, never the vault.
grant select on events, event_tags, log_epochs, migrations to :"projector";

-- Reports read facts (granted as they are made); of the log only what turns a date into a position.
grant select (position, recorded_at) on events to :"reader";
grant select on log_epochs, migrations to :"reader";
