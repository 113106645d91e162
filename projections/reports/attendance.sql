-- name: attendance
-- The slots that were held, or should have been by now: who was expected, who came, how late the sheet was. Before a
-- slot is logged, those are expected who had a seat when it began.
with arranged as (
    select session, module
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
        and (cast(:module as text) is null or module = cast(:module as text))
    group by session, module, cancelled
    having sum(sign) > 0 and not cancelled
),
held as (
    select s.session, a.module, s.slot, s.starts_at, s.local_date
    from slots s
    join arranged a on a.session = s.session
    where s.position <= :known and s.occurred_at <= :as_of
    group by s.session, a.module, s.slot, s.starts_at, s.local_date, s.cancelled
    having sum(s.sign) > 0 and not s.cancelled
),
handed_in as (
    select session, slot, sum(logged) as logged, sum(corrections) as corrections, max(delay) as delay
    from sheets
    where position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
    group by session, slot
),
came as (
    select
        session, slot, sum(present) as present, sum(partial) as partial, sum(absent) as absent, sum(excused) as excused
    from attendance
    where position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
    group by session, slot
),
seated as (
    select h.session, h.slot, sum(e.seat) as seats
    from held h
    join enrolments e on e.session = h.session and e.occurred_at <= h.starts_at
    left join handed_in i on i.session = h.session and i.slot = h.slot
    where i.logged is null and e.position <= :known and e.occurred_at <= :as_of
    group by h.session, h.slot
)
select
    h.session, h.slot, h.module, h.local_date,
    case when i.logged > 0 then 1 else 0 end as logged,
    coalesce(c.present, 0) as present, coalesce(c.partial, 0) as partial, coalesce(c.absent, 0) as absent,
    coalesce(c.excused, 0) as excused, coalesce(s.seats, 0) as seats, coalesce(i.corrections, 0) as corrections,
    i.delay
from held h
left join handed_in i on i.session = h.session and i.slot = h.slot
left join came c on c.session = h.session and c.slot = h.slot
left join seated s on s.session = h.session and s.slot = h.slot
where i.logged > 0 or h.starts_at <= :as_of
order by h.session, h.slot
