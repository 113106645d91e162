-- What researchers see of the log, in the order in which it appears to them: an event that concerns a session or a wave
-- appears at the position at which the last of those ended, before what was recorded after that; any other at its own.

-- name: in_zone
-- In which time zone days are days, until the end of the transaction. (`at time zone`, row by row, looks it up each time.)
select set_config('timezone', %s, true)

-- name: appearance
-- When the event at a position appears; the position itself where it has not, or is none.
select greatest(%(position)s::bigint, max(ended_at))
from (
    select (select min(n.position) from event_tags n where n.tag = t.tag and n.type = any(%(endings)s)) as ended_at
    from events e cross join unnest(e.tags) as t (tag)
    where e.position = %(position)s
        and (t.tag >= 'session:' and t.tag < 'session;' or t.tag >= 'wave:' and t.tag < 'wave;')
) as ends

-- name: settled
-- The last position, of those after one and up to another, at which something appears: to go on after.
select e.position
from events e
where e.position > %(after)s and e.position <= %(upto)s
    and not exists (
        select
        from unnest(e.tags) as t (tag)
        where (t.tag >= 'session:' and t.tag < 'session;' or t.tag >= 'wave:' and t.tag < 'wave;')
            and not exists (
                select from event_tags n
                where n.tag = t.tag and n.type = any(%(endings)s) and n.position <= e.position
            )
    )
order by e.position desc
limit 1

-- name: page
-- What appears after one position and up to another, following the event `last`, of the given types, tag and days. Of
-- sessions with too few people there is one row each time something appears, dated when that was recorded: how many
-- events of which types. Only where `counts` are wanted: by tag or day they would tell of whom and when. Without
-- `events` there is nothing else. Events of the `own` types are of no session and no wave, of the others of one at most.
with ended as materialized (
    -- What ends here, for the first time.
    select t.tag, min(e.position) as ended_at
    from events e cross join unnest(e.tags) as t (tag)
    where e.position >= %(since)s and e.position <= %(upto)s and e.type = any(%(endings)s)
        and (t.tag >= 'session:' and t.tag < 'session;' or t.tag >= 'wave:' and t.tag < 'wave;')
        and not exists (
            select from event_tags n where n.tag = t.tag and n.type = any(%(endings)s) and n.position < %(since)s
        )
    group by t.tag
),
others as materialized (
    -- What was recorded here of all other sessions and waves.
    select e.position, t.tag
    from events e
    left join lateral (
        select tag
        from unnest(e.tags) as u (tag)
        where tag >= 'session:' and tag < 'session;' or tag >= 'wave:' and tag < 'wave;'
    ) as t on true
    where e.position >= %(since)s and e.position <= %(upto)s and e.type <> all(%(own)s)
        and (%(types)s::text[] is null or e.type = any(%(types)s))
        and (t.tag is null or t.tag not in (select tag from ended))
),
appearing as materialized (
    -- A few streams; in the order of the index they are read from it alone.
    select greatest(t.position, g.ended_at) as appears_at, t.position, g.tag
    from ended g
    cross join lateral (
        select position
        from event_tags
        where tag = g.tag and position <= %(upto)s and (%(types)s::text[] is null or type = any(%(types)s))
        order by type, position
    ) as t
    union all
    select position, position, tag
    from others
    where tag is null or tag in (
        select tag
        from (select distinct tag from others) as s
        where exists (select from event_tags where tag = s.tag and type = any(%(endings)s) and position < %(since)s)
    )
),
few as materialized (
    -- The sessions with too few people. Of most their first events tell that they are not.
    select tag
    from (select distinct tag from appearing where tag < 'wave:') as s
    cross join lateral (
        select min(position) as ended_at from event_tags where tag = s.tag and type = any(%(endings)s)
    ) as g
    where not exists (
        select
        from (values (%(min_group)s), (null)) as looked_at (most)
        where (
            select count(distinct m.tag)
            from (
                select position from event_tags where tag = s.tag and position <= ended_at limit looked_at.most
            ) as t
            cross join lateral (select tags from events where position = t.position offset 0) as e
            cross join unnest(e.tags) as m (tag)
            where m.tag >= 'member:' and m.tag < 'member;'
        ) >= %(min_group)s
    )
),
concerned as (
    select a.appears_at, e.*, a.tag is not null and a.tag in (select tag from few) as small
    from appearing a
    cross join lateral (select * from events where position = a.position offset 0) as e
),
shown as (
    select
        appears_at, position, type, tags, occurred_at::date as occurred_on, recorded_at::date as recorded_on, data
    from (
        select position as appears_at, position, type, tags, occurred_at, recorded_at, data
        from events
        where position >= %(since)s and position <= %(upto)s and type = any(%(own)s)
            and (%(types)s::text[] is null or type = any(%(types)s))
        union all
        select appears_at, position, type, tags, occurred_at, recorded_at, data from concerned where not small
    ) as e
    where %(events)s and (%(tag)s::text is null or tags @> array[%(tag)s])
        and (%(day_from)s::date is null or occurred_at::date >= %(day_from)s)
        and (%(day_to)s::date is null or occurred_at::date <= %(day_to)s)
    union all
    select
        appears_at, appears_at, null, '{}', max(recorded_on), max(recorded_on),
        jsonb_build_object('events', jsonb_object_agg(type, times))::text
    from (
        select appears_at, type, count(*) as times, max(recorded_at::date) as recorded_on
        from concerned
        where small and %(counts)s
        group by appears_at, type
    ) as counted
    group by appears_at
)
select position, type, tags, occurred_on, recorded_on, data
from shown
where (appears_at, position) > (%(since)s, %(last)s)
order by appears_at, position
limit %(limit)s

-- name: at
-- The same of the events at these positions, as far as they have appeared.
with wanted as materialized (
    select position, type, tags, occurred_at, recorded_at, data from events where position = any(%(positions)s)
),
held as materialized (
    select w.position, t.tag
    from wanted w cross join unnest(w.tags) as t (tag)
    where t.tag >= 'session:' and t.tag < 'session;' or t.tag >= 'wave:' and t.tag < 'wave;'
),
ends as materialized (
    select tag, (select min(n.position) from event_tags n where n.tag = h.tag and n.type = any(%(endings)s)) as ended_at
    from (select distinct tag from held) as h
),
large as materialized (
    select tag
    from ends
    where ended_at is not null and (
        tag >= 'wave:' or (
            select count(distinct m.tag)
            from event_tags t
            cross join lateral (select tags from events where position = t.position offset 0) as e
            cross join unnest(e.tags) as m (tag)
            where t.tag = ends.tag and t.position <= ended_at and m.tag >= 'member:' and m.tag < 'member;'
        ) >= %(min_group)s
    )
)
select
    w.position, w.type, w.tags, w.occurred_at::date, w.recorded_at::date,
    w.data
from wanted w
where not exists (
    select from held h where h.position = w.position and h.tag not in (select tag from large)
)
order by w.position
