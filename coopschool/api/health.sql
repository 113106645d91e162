-- name: can_write
-- Whether this login may append to the log on this server, and where the log ends.
select not pg_is_in_recovery() and has_table_privilege('events', 'insert'), (select coalesce(max(position), 0) from events)
