-- name: demand
-- Who waits for a seat, and who would take a module, by the languages and places asked for (several joined by |).
with arranged as (
    select session, module, language, place
    from sessions
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
    group by session, module, language, place
    having sum(sign) > 0
),
waits as (
    select session, member, waits_since, sum(waiting) as waiting
    from enrolments
    where waiting <> 0 and position <= :known and occurred_at <= :as_of
    group by session, member, waits_since
    having sum(waiting) > 0
),
wishes as (
    select member, module, language, place, since, sum(interested) as interested
    from interests
    where position <= :known and occurred_at <= :as_of
        and (cast(:module as text) is null or module = cast(:module as text))
    group by member, module, language, place, since
    having sum(interested) > 0
)
select a.module, a.language, a.place, 'waiting' as figure, min(w.waits_since) as since, count(*) as times
from waits w
join arranged a on a.session = w.session
group by a.module, a.language, a.place
union all
select module, language, place, 'interested', min(since), count(*)
from wishes
group by module, language, place
order by module, language, place, figure
