-- Which events are behind a figure: for each report, the positions of the facts that it sums, by what they are a part of
-- (`part`). The conditions are those of the report's own statement.

-- name: progress
with arranged as (
    select session, cancelled, first_slot_at, first_day
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
        and (cast(:session as text) is null or session = cast(:session as text))
        and (cast(:format as text) is null or format = cast(:format as text))
        and (cast(:language as text) is null or language = cast(:language as text))
        and (cast(:period as text) is null or cast(:period as text) in (month, quarter, year))
    group by
        session, module, format, language, seats, cancelled, first_slot_at, first_day, month, quarter, year
    having sum(sign) > 0
),
belonging as (
    select member, from_day, until_day
    from categories
    where category = cast(:category as text) and position <= :known and occurred_at <= :as_of
    group by member, from_day, until_day
    having sum(sign) > 0
),
enrolled as (
    select e.*, e.occurred_at <= c.first_slot_at and not c.cancelled as at_first_slot
    from enrolments e
    join arranged c on c.session = e.session
    where e.position <= :known and e.occurred_at <= :as_of and (
        cast(:category as text) is null or exists (
            select from belonging b
            where b.member = e.member and b.from_day <= c.first_day and c.first_day < b.until_day
        )
    )
),
parts as (
    select s.position, 'sessions' as part
    from sessions s
    join arranged c on c.session = s.session
    where s.position <= :known and s.occurred_at <= :as_of
    union all
    select position, unnest(array[
        case when enrolled <> 0 then 'enrolled' end, case when waitlisted <> 0 then 'waitlisted' end,
        case when promoted <> 0 then 'promoted' end, case when withdrawn <> 0 then 'withdrawn' end,
        case when cancelled <> 0 then 'cancelled' end, case when no_show <> 0 then 'no_show' end,
        case when completed <> 0 then 'completed' end, case when not_completed <> 0 then 'not_completed' end,
        case when seat <> 0 and at_first_slot then 'seat' end
    ])
    from enrolled
    union all
    select a.position, 'attended'
    from attendance a
    join arranged c on c.session = a.session
    where a.position <= :known and a.occurred_at <= :as_of and (
        cast(:category as text) is null or exists (
            select from belonging b
            where b.member = a.member and b.from_day <= c.first_day and c.first_day < b.until_day
        )
    )
)
select distinct position from parts where part = any(:parts) order by position

-- name: cohorts
select distinct position
from milestones
where position <= :known and occurred_at <= :as_of
    and cohort = cast(:quarter as text) and (registered <> 0 or months <= cast(:months as integer))
    and (
        registered <> 0 and 'people' = any(:parts) or joined <> 0 and 'joined' = any(:parts)
        or one_module <> 0 and 'one_module' = any(:parts) or three_modules <> 0 and 'three_modules' = any(:parts)
        or rite_of_passage <> 0 and 'rite_of_passage' = any(:parts)
    )
order by position

-- name: demand
with arranged as (
    select session
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
        and (cast(:language as text) is null or cast(:language as text) = any(string_to_array(language, '|')))
        and (cast(:place as text) is null or cast(:place as text) = any(string_to_array(place, '|')))
    group by session, module, language, place
    having sum(sign) > 0
),
waits as (
    select session, member, waits_since
    from enrolments
    where waiting <> 0 and position <= :known and occurred_at <= :as_of
    group by session, member, waits_since
    having sum(waiting) > 0
),
wishes as (
    select member, module, language, place, since
    from interests
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
        and (cast(:language as text) is null or language = '' or cast(:language as text) = any(string_to_array(language, '|')))
        and (cast(:place as text) is null or place = '' or cast(:place as text) = any(string_to_array(place, '|')))
    group by member, module, language, place, since
    having sum(interested) > 0
),
parts as (
    select e.position, 'waiting' as part
    from enrolments e
    join waits w on w.session = e.session and w.member = e.member and w.waits_since = e.waits_since
    join arranged a on a.session = e.session
    where e.waiting <> 0 and e.position <= :known and e.occurred_at <= :as_of
    union all
    select i.position, 'interested'
    from interests i
    join wishes w using (member, module, language, place, since)
    where i.position <= :known and i.occurred_at <= :as_of
)
select distinct position from parts where part = any(:parts) order by position

-- name: attendance
with arranged as (
    select session
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
        and (cast(:module as text) is null or module = cast(:module as text))
    group by session, module, cancelled
    having sum(sign) > 0 and not cancelled
),
held as (
    select s.session, s.slot, s.starts_at
    from slots s
    join arranged a on a.session = s.session
    where s.position <= :known and s.occurred_at <= :as_of
        and (cast(:slot as integer) is null or s.slot = cast(:slot as integer))
    group by s.session, s.slot, s.starts_at, s.cancelled
    having sum(s.sign) > 0 and not s.cancelled
),
handed_in as (
    select session, slot, position, logged, corrections
    from sheets
    where position <= :known and occurred_at <= :as_of
),
parts as (
    select i.position, unnest(array[
        case when i.logged <> 0 then 'logged' end, case when i.corrections <> 0 then 'corrections' end
    ]) as part
    from handed_in i join held h on h.session = i.session and h.slot = i.slot
    union all
    select a.position, unnest(array[
        case when a.present <> 0 then 'present' end, case when a.partial <> 0 then 'partial' end,
        case when a.absent <> 0 then 'absent' end, case when a.excused <> 0 then 'excused' end
    ])
    from attendance a join held h on h.session = a.session and h.slot = a.slot
    where a.position <= :known and a.occurred_at <= :as_of
    union all
    select e.position, 'seat'
    from enrolments e join held h on h.session = e.session and e.occurred_at <= h.starts_at
    where e.seat <> 0 and e.position <= :known and e.occurred_at <= :as_of
        and not exists (select from handed_in i where i.session = h.session and i.slot = h.slot and i.logged > 0)
)
select distinct position from parts where part = any(:parts) order by position

-- name: member_progress
with mine as (
    select session
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
        and session in (select session from enrolments where member = :member)
    group by session, module
    having sum(sign) > 0
),
parts as (
    select position, 'standing' as part
    from enrolments
    where member = :member and session in (select session from mine) and position <= :known and occurred_at <= :as_of
    union all
    select position, 'completed'
    from enrolments
    where member = :member and completed <> 0 and position <= :known and occurred_at <= :as_of
    union all
    select position, 'attended'
    from attendance
    where member = :member and session in (select session from mine) and position <= :known and occurred_at <= :as_of
    union all
    select position, 'interested'
    from interests
    where member = :member and (cast(:module as text) is null or module = cast(:module as text))
        and position <= :known and occurred_at <= :as_of
    union all
    select position, 'waived'
    from waivers
    where member = :member and (cast(:module as text) is null or module = cast(:module as text))
        and position <= :known and occurred_at <= :as_of
    union all
    select position, 'category'
    from categories
    where member = :member and position <= :known and occurred_at <= :as_of
    union all
    select position, 'module'
    from modules
    where (cast(:module as text) is null or module = cast(:module as text))
        and position <= :known and occurred_at <= :as_of
)
select distinct position from parts where part = any(:parts) order by position

-- name: workshops
with parts as (
    select position, 'held' as part, quarter
    from workshops
    where position <= :known and occurred_at <= :as_of
        and (cast(:team as text) is null or team = cast(:team as text))
    union all
    select position, 'decisions', quarter
    from decisions
    where position <= :known and occurred_at <= :as_of
        and (cast(:team as text) is null or team = cast(:team as text))
    union all
    select position, 'reviewed', quarter
    from reviews
    where position <= :known and occurred_at <= :as_of
        and (cast(:team as text) is null or team = cast(:team as text))
)
select distinct position
from parts
where part = any(:parts) and (cast(:quarter as text) is null or quarter = cast(:quarter as text))
    and (cast(:period as text) is null or cast(:period as text) in (quarter, substring(quarter, 1, 4)))
order by position
