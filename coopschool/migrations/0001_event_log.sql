-- The log: every event, once, in one order without gaps. Nobody but the owner may change or remove a row.

create table events (
    position bigint primary key check (position > 0),
    type text not null,
    tags text[] not null,
    data text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    actor text not null,
    correlation uuid not null,
    causation uuid,
    hash bytea not null
);
create index events_type on events (type, position);

-- Which events carry a tag, by type: a decision's boundary is a few ranges of this index, however hot the tag.
create table event_tags (
    tag text not null,
    type text not null,
    position bigint not null,
    primary key (tag, type, position)
);

-- For people who look: the same rows with `data` as JSON.
create view events_readable as
select position, type, tags, data::jsonb as data, occurred_at, recorded_at, actor, correlation, causation, hash
from events;

-- Which life of the log this is. A restore from a backup begins another, so that consumers notice.
create table log_epochs (
    epoch uuid primary key default gen_random_uuid(),
    begun_at timestamptz not null default now(),
    begun_after bigint not null default 0
);
insert into log_epochs default values;
