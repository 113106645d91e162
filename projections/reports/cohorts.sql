-- name: cohorts
-- People by the quarter of their registration, and how many months later they reached each milestone.
select
    cohort, months,
    sum(registered) as registered, sum(joined) as joined, sum(one_module) as one_module,
    sum(three_modules) as three_modules, sum(rite_of_passage) as rite_of_passage
from milestones
where position <= :known and occurred_at <= :as_of
group by cohort, months
order by cohort, months
