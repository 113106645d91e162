-- While there is a row, a restore from a backup is not finished and nothing is served from this schema. `backup` is the
-- seal of the backup; `loaded` says whether its rows are all there, so that only what comes after the loading is left.

create table unfinished_restore (
    only_row boolean primary key default true check (only_row),
    backup text not null,
    loaded boolean not null default false,
    begun_at timestamptz not null default now()
);
grant select on unfinished_restore to :"app", :"projector", :"reader";
