-- name: log
-- Everything that happened, in order.
select type, data, occurred_at from events order by position
