-- name: live
-- The generation that reports read now. Reports ask for it first, in a REPEATABLE READ transaction.
select generation from live_facts

-- name: live_shared
-- The same, held until commit: a rebuild waits with moving the pointer until this batch is written.
select generation from live_facts for share

-- name: hold_live
-- Holds the pointer: no batch is written until commit.
select generation from live_facts for update

-- name: run_alone
-- Whether this connection may be the one that writes facts. By the table's oid: schools in one database are apart.
select pg_try_advisory_lock(('live_facts'::regclass::oid::bigint << 8) | 2)

-- name: give_up_after
-- How long the session that writes facts may say nothing. Then PostgreSQL ends it, and another runner may take over.
select set_config(name, %s, false)
from unnest(array['idle_session_timeout', 'idle_in_transaction_session_timeout']) as name

-- name: rebuild_alone
select pg_try_advisory_lock(('live_facts'::regclass::oid::bigint << 8) | 3)

-- name: next
insert into fact_generations (generation)
select coalesce(max(generation), 0) + 1 from fact_generations
returning generation

-- name: first_live
insert into live_facts (generation) values (%s) on conflict do nothing

-- name: move_pointer
update live_facts set generation = %s

-- name: retire
update fact_generations set retired_at = now()
where generation <> (select generation from live_facts) and retired_at is null

-- name: long_retired
-- Generations that no report can be reading any more: a report's transaction lasts at most its statement time-out.
select generation from fact_generations where retired_at < now() - make_interval(secs => %s) order by generation

-- name: forget
delete from fact_generations where generation = %s

-- name: enter
-- From here to the end of the transaction, names of tables mean this generation's, then the school's.
select set_config('search_path', format('%%I, %%I', %s::text, %s::text), true)

-- name: enter_live
-- In a REPEATABLE READ transaction: from here on, tables are those of the live generation, whole.
select generation, set_config(
    'search_path', quote_ident(current_schema() || '_facts_' || generation) || ', ' || quote_ident(current_schema()), true
)
from live_facts

-- name: start_checkpoint
insert into projection_checkpoints (generation, projection, version, time_zone, position)
values (%s, %s, %s, %s, %s)

-- name: checkpoints
select projection, version, time_zone, position, stopped_position
from projection_checkpoints
where generation = %s

-- name: move_checkpoint
-- Together with the facts: a runner that is not where it believes to be changes no row and must not commit.
update projection_checkpoints
set position = %s, updated_at = now(), stopped_position = null, stopped_type = null, stopped_cause = null, stopped_at = null
where generation = %s and projection = %s and position = %s

-- name: stop
update projection_checkpoints
set stopped_position = %s, stopped_type = %s, stopped_cause = %s, stopped_at = now()
where generation = %s and projection = %s

-- name: status
-- How far each projection has come, and where it stopped.
select projection, version, position, updated_at, stopped_position, stopped_type, stopped_cause, stopped_at
from projection_checkpoints
where generation = (select generation from live_facts)
order by projection

-- name: slowest
-- The position that every running projection has reached; null while there are no facts.
select min(position) from projection_checkpoints
where generation = (select generation from live_facts) and stopped_at is null
