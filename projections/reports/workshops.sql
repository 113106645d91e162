-- name: workshops
-- What adviser teams worked out, by the quarter of the workshop: workshops held and seats taken in them.
select team, quarter, sum(held) as held, sum(participants) as participants
from workshops
where position <= :known and occurred_at <= :as_of
    and (cast(:team as text) is null or team = cast(:team as text))
    and (cast(:period as text) is null or cast(:period as text) in (quarter, substring(quarter, 1, 4)))
group by team, quarter
having sum(held) > 0
order by team, quarter

-- name: decisions
-- The decisions of those workshops as they stand; `overdue` counts those whose review was due before the day asked for.
with standing as (
    select team, quarter, decision, theme, outcome, decided_by, review_on
    from decisions
    where position <= :known and occurred_at <= :as_of
        and (cast(:team as text) is null or team = cast(:team as text))
    group by team, quarter, decision, theme, outcome, decided_by, review_on
    having sum(sign) > 0
)
select
    team, quarter, theme, outcome, decided_by, count(*) as decisions,
    sum(case when review_on < :today then 1 else 0 end) as overdue
from standing
group by team, quarter, theme, outcome, decided_by
order by team, quarter, theme, outcome, decided_by

-- name: reviews
-- The reviews of those decisions, and how many came by the day they were due.
select team, quarter, sum(reviewed) as reviewed, sum(on_time) as on_time
from reviews
where position <= :known and occurred_at <= :as_of
    and (cast(:team as text) is null or team = cast(:team as text))
group by team, quarter
having sum(reviewed) > 0
order by team, quarter
