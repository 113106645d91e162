-- name: enter_live
-- In a REPEATABLE READ transaction: from here on, tables are those of the live generation, whole.
select generation, set_config(
    'search_path', quote_ident(current_schema() || '_facts_' || generation) || ', ' || quote_ident(current_schema()), true
)
from live_facts

-- name: reached
-- How far the projections of a report have come, and whether one stopped.
select projection, position, stopped_position, stopped_type, stopped_cause
from projection_checkpoints
where generation = %s and projection = any(%s)

-- name: recorded_at
select recorded_at from events where position = %s
