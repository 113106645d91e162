-- name: standing
-- What happened to the member in each session, step by step; `moment` counts the steps over all sessions.
with mine as (
    select
        session, occurred_at, sum(seat) as seat, sum(waiting) as waiting, sum(withdrawn) as withdrawn,
        sum(cancelled) as cancelled, sum(lapsed) as lapsed, sum(completed) as completed,
        sum(not_completed) as not_completed
    from enrolments
    where member = :member and position <= :known and occurred_at <= :as_of
    group by session, occurred_at
),
arranged as (
    select session, module, first_slot_at
    from sessions
    where position <= :known and occurred_at <= :as_of and session in (select session from mine)
    group by session, module, first_slot_at
    having sum(sign) > 0
)
select
    dense_rank() over (order by m.occurred_at) as moment, m.session, a.module,
    case when a.first_slot_at <= :as_of then 1 else 0 end as begun,
    m.seat, m.waiting, m.withdrawn, m.cancelled, m.lapsed, m.completed, m.not_completed
from mine m
join arranged a on a.session = m.session
order by moment, m.session

-- name: attendance
-- The half-days the member was expected at, and how they came: by minutes where partly.
with lengths as (
    select session, slot, minutes
    from slots
    where position <= :known and occurred_at <= :as_of
        and session in (select session from attendance where member = :member)
    group by session, slot, minutes
    having sum(sign) > 0
)
select
    a.session, coalesce(a.minutes, 0) as minutes, l.minutes as out_of,
    sum(a.present) as present, sum(a.partial) as partial, sum(a.absent) as absent, sum(a.excused) as excused
from attendance a
join lengths l on l.session = a.session and l.slot = a.slot
where a.member = :member and a.position <= :known and a.occurred_at <= :as_of
group by a.session, a.minutes, l.minutes
order by a.session, a.minutes, l.minutes

-- name: wishes
-- Modules the member would take, and modules that count as if completed.
select module, 'interested' as figure
from interests
where member = :member and position <= :known and occurred_at <= :as_of
group by module
having sum(interested) > 0
union all
select module, 'waived'
from waivers
where member = :member and position <= :known and occurred_at <= :as_of
group by module
having sum(waived) > 0
order by module, figure

-- name: offered
-- The modules that are taught, and the member's category on that day (null: no member then).
with belonging as (
    select category
    from categories
    where member = :member and position <= :known and occurred_at <= :as_of
    group by category, from_day, until_day
    having sum(sign) > 0 and from_day <= :today and :today < until_day
)
select m.module, m.prerequisites, m.audience, b.category
from modules m
left join belonging b on 1 = 1
where m.position <= :known and m.occurred_at <= :as_of
group by m.module, m.prerequisites, m.audience, m.status, b.category
having sum(m.sign) > 0 and m.status = 'published'
order by m.module, m.prerequisites, m.audience, b.category
