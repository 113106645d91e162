-- name: reached
-- How far the projections of a report have come, and whether one stopped.
select projection, position, stopped_position, stopped_type, stopped_cause
from projection_checkpoints
where generation = %s and projection = any(%s)

-- name: recorded_at
select recorded_at from events where position = %s

-- name: work_in_memory
-- Sums over many rows are hashed in memory instead of sorted on disk. (Hashes may take twice as much.)
select set_config('work_mem', '32MB', true)
