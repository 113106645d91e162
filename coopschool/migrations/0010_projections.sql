-- Bookkeeping of the projections. Facts live in schemas of their own, one a generation; this says which one is live
-- and how far each projection has come in each.

create table fact_generations (
    generation integer primary key check (generation > 0),
    made_at timestamptz not null default now(),
    retired_at timestamptz
);

-- One row: the generation that reports read.
create table live_facts (
    only_row boolean primary key default true check (only_row),
    generation integer not null references fact_generations
);

create table projection_checkpoints (
    generation integer not null references fact_generations on delete cascade,
    projection text not null,
    version integer not null,
    time_zone text not null,
    position bigint not null check (position >= 0),
    updated_at timestamptz not null default now(),
    -- Where it stopped, at which type of event and why; null while it runs.
    stopped_position bigint,
    stopped_type text,
    stopped_cause text,
    stopped_at timestamptz,
    primary key (generation, projection)
);

grant select, insert, update, delete on fact_generations, live_facts, projection_checkpoints to :"projector";
grant select on fact_generations, live_facts, projection_checkpoints to :"reader", :"app";
