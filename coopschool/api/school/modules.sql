-- name: drafted
-- Every module ever written down, in that order.
select type, data from events where type = any(%s) order by position
