-- name: due
-- Work that the clock must do by now: waiting lists of open sessions whose first slot began lapse.
select first_slot_at as due_at, 'lapse_waiting_list' as kind, session as subject
from session_cards
where waiting > 0 and status = 'open' and first_slot_at <= %s
order by due_at, subject

-- name: next_due
-- When there will be such work next; null if never, as far as is known.
select min(first_slot_at) from session_cards where waiting > 0 and status = 'open' and first_slot_at > %s
