-- The answer box: for each survey wave, and each session and moment of feedback, a table of its own with one row, which
-- holds everything that waits there as one sealed value of constant size. The key is in a file elsewhere.
--
-- The application has no right on these tables. It works through the functions below, which run as the owner and take
-- nothing but the box's random id, so that it needs no right to make or drop tables.

create table answer_boxes (
    box uuid primary key,
    about text not null unique
);
grant select on answer_boxes to :"app";

-- Makes a box; false where there is one about the same thing already.
create function open_answer_box(new_box uuid, about_what text, content bytea) returns boolean
language plpgsql security definer set search_path = :"schema", pg_temp as $$
declare
    box_table constant text := 'answer_box_' || replace(new_box::text, '-', '');
begin
    insert into answer_boxes (box, about) values (new_box, about_what) on conflict do nothing;
    if not found then
        return false;
    end if;
    execute format('create table %I (alone boolean primary key default true check (alone), sealed bytea not null)', box_table);
    execute format('alter table %I alter column sealed set storage external', box_table);
    execute format('insert into %I (sealed) values ($1)', box_table) using content;
    return true;
end
$$;

-- What is in a box, which nobody else can change until the transaction ends; null where it is gone.
create function read_answer_box(which_box uuid) returns bytea
language plpgsql security definer set search_path = :"schema", pg_temp as $$
declare
    content bytea;
begin
    execute format('select sealed from %I for update', 'answer_box_' || replace(which_box::text, '-', '')) into content;
    return content;
exception when undefined_table then
    return null;
end
$$;

-- Replaces what is in a box.
create function write_answer_box(which_box uuid, content bytea) returns void
language plpgsql security definer set search_path = :"schema", pg_temp as $$
begin
    execute format('update %I set sealed = $1', 'answer_box_' || replace(which_box::text, '-', '')) using content;
end
$$;

-- Keeps everybody from a box until the transaction ends; true if it is still sealed with the key of this id.
create function hold_answer_box(which_box uuid, key_id bytea) returns boolean
language plpgsql security definer set search_path = :"schema", pg_temp as $$
declare
    box_table constant text := 'answer_box_' || replace(which_box::text, '-', '');
    same boolean;
begin
    execute format('lock table %I in access exclusive mode', box_table);
    execute format('select substr(sealed, 1, length($1)) = $1 from %I', box_table) into same using key_id;
    return same;
exception when undefined_table then
    return false;
end
$$;

-- Removes a box, its table and its file.
create function drop_answer_box(which_box uuid) returns void
language plpgsql security definer set search_path = :"schema", pg_temp as $$
begin
    delete from answer_boxes where box = which_box;
    execute format('drop table if exists %I', 'answer_box_' || replace(which_box::text, '-', ''));
end
$$;

revoke all on function open_answer_box(uuid, text, bytea), read_answer_box(uuid), write_answer_box(uuid, bytea),
    hold_answer_box(uuid, bytea), drop_answer_box(uuid) from public;
grant execute on function open_answer_box(uuid, text, bytea), read_answer_box(uuid), write_answer_box(uuid, bytea),
    hold_answer_box(uuid, bytea), drop_answer_box(uuid) to :"app";
