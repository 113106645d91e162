-- What saving and restoring need. {braces} hold identifiers, and for a box its literals.

-- name: one_snapshot
set transaction isolation level repeatable read, read only

-- name: as_written
-- Rows are written and read in one way, whatever the server is set to.
set datestyle = 'ISO, YMD';
set bytea_output = 'hex';
set client_encoding = 'UTF8'

-- name: latest_migration
select to_char(number, 'FM0000') || '_' || name from migrations order by number desc limit 1

-- name: columns
-- The columns of a table, in order.
select attname
from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped
order by attnum

-- name: save
-- By its key, which is random but for the log's: the order in which rows were written would say which belong together.
copy (select {columns} from {table} order by 1) to stdout

-- name: save_box
-- A box is one row of a table of its own.
copy (select {box}::uuid, {about}::text, sealed from {table}) to stdout

-- name: is_empty
-- Whether nothing that a restore brings is there, and no facts of anything.
select not (
    exists (select from events) or exists (select from event_tags)
    or exists (select from vault_people) or exists (select from vault_texts) or exists (select from vault_places)
    or exists (select from vault_references) or exists (select from vault_identities)
    or exists (select from idempotency) or exists (select from api_keys) or exists (select from answer_boxes)
    or exists (select from projection_checkpoints where position > 0)
), current_schema()

-- name: unfinished
-- The restore that was begun here: the backup's seal, and whether all its rows are there.
select backup, loaded from unfinished_restore

-- name: begin
insert into unfinished_restore (backup) values (%s) on conflict (only_row) do update set backup = excluded.backup

-- name: end
delete from unfinished_restore

-- name: others
-- Which other processes of ours work in this database.
select distinct application_name
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'coopschool %'
order by 1

-- name: wait
select pg_sleep(0.1)

-- name: forget_own_epoch
-- The life that this log began when the schema was made: the backup brings its own.
delete from log_epochs

-- name: load
copy {table} ({columns}) from stdin

-- name: make_tag_index
insert into event_tags (tag, type, position)
select distinct tag, type, position from events, unnest(tags) as tag order by tag, type, position

-- name: stage_boxes
-- No temporary table: the owner need not be allowed to make any.
create table restored_boxes (box uuid, about text, sealed bytea)

-- name: load_boxes
copy restored_boxes (box, about, sealed) from stdin

-- name: make_boxes
select open_answer_box(box, about, sealed) from restored_boxes

-- name: end_staging
drop table restored_boxes

-- name: begin_epoch
insert into log_epochs (begun_after) values (%s) returning epoch

-- name: loaded
update unfinished_restore set loaded = true

-- name: analyze
-- So that the first questions are planned well.
analyze events, event_tags, vault_people, vault_texts, vault_references
