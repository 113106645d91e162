-- name: checksum
-- Of the rows up to a position, in whatever order they lie: how many, and the sum of their hashes.
select count(*), sum(hash_record_extended(facts, 0)::numeric) from {} as facts where position <= %s

-- name: take_over
insert into {new} select * from {old}

-- name: take_over_checkpoint
insert into projection_checkpoints
    (generation, projection, version, time_zone, position, stopped_position, stopped_type, stopped_cause, stopped_at)
select %s, projection, version, time_zone, position, stopped_position, stopped_type, stopped_cause, stopped_at
from projection_checkpoints
where generation = %s and projection = %s
