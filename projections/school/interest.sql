-- name: interested
-- Everybody who ever registered an interest.
select distinct member from interests
