-- name: find
-- The box about something.
select box from answer_boxes where about = %s

-- name: all
-- Every box there is.
select box, about from answer_boxes order by about

-- name: open
select open_answer_box(%s, %s, %s)

-- name: read
select read_answer_box(%s)

-- name: write
select write_answer_box(%s, %s)

-- name: hold
select hold_answer_box(%s, %s)

-- name: drop
select drop_answer_box(%s)
