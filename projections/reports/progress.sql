-- name: progress
-- What became of people in sessions, as of a moment, as known at a position: counts by whatever is asked for. A figure
-- is `times`; where `value` says something, there were so many times that value: days until completion, or minutes
-- `out_of` those that the slot has. `people` counts persons, for the gate.
with arranged as (
    select session, module, format, language, seats, cancelled, first_slot_at, first_day, month, quarter, year
    from sessions
    where position <= :known and occurred_at <= :as_of
    group by session, module, format, language, seats, cancelled, first_slot_at, first_day, month, quarter, year
    having sum(sign) > 0
),
chosen as (
    select
        session as session_id,
        seats,
        cancelled,
        first_slot_at,
        first_day,
        case when :by_module then module end as module,
        case when :by_month then month end as month,
        case when :by_quarter then quarter end as quarter,
        case when :by_year then year end as year,
        case when :by_format then format end as format,
        case when :by_language then language end as language,
        case when :by_session then session end as session
    from arranged
    where (cast(:module as text) is null or module = cast(:module as text))
        and (cast(:session as text) is null or session = cast(:session as text))
        and (cast(:format as text) is null or format = cast(:format as text))
        and (cast(:language as text) is null or language = cast(:language as text))
        and (cast(:period as text) is null or cast(:period as text) in (month, quarter, year))
),
-- The same, so that planners see that it is one row a session: what rows of facts are looked up in.
known_sessions as (
    select session from sessions where position <= :known and occurred_at <= :as_of group by session
),
placed as (
    select k.session as session_id, c.first_slot_at, c.first_day, c.cancelled
    from known_sessions k
    join chosen c on c.session_id = k.session
),
belonging as (
    select member, category, from_day, until_day
    from categories
    where :with_category and position <= :known and occurred_at <= :as_of
    group by member, category, from_day, until_day
    having sum(sign) > 0
),
-- By session, and by category where that is asked for: few rows are left then to go on with.
enrolled as (
    select
        c.session_id, case when :by_category then b.category end as category, e.days,
        sum(case when e.occurred_at <= c.first_slot_at and not c.cancelled then e.seat else 0 end) as at_first_slot,
        sum(e.enrolled) as enrolled, sum(e.waitlisted) as waitlisted, sum(e.promoted) as promoted,
        sum(e.withdrawn) as withdrawn, sum(e.cancelled) as cancelled, sum(e.no_show) as no_show,
        sum(e.completed) as completed, sum(e.not_completed) as not_completed
    from enrolments e
    join placed c on c.session_id = e.session
    left join belonging b on b.member = e.member and b.from_day <= c.first_day and c.first_day < b.until_day
    where e.position <= :known and e.occurred_at <= :as_of
        and (cast(:category as text) is null or b.category = cast(:category as text))
    group by c.session_id, case when :by_category then b.category end, e.days
),
attended as (
    select
        c.session_id, case when :by_category then b.category end as category, a.slot, a.minutes,
        sum(a.present) as present, sum(a.partial) as partial, sum(a.absent) as absent
    from attendance a
    join placed c on c.session_id = a.session
    left join belonging b on b.member = a.member and b.from_day <= c.first_day and c.first_day < b.until_day
    where a.position <= :known and a.occurred_at <= :as_of
        and (cast(:category as text) is null or b.category = cast(:category as text))
    group by c.session_id, case when :by_category then b.category end, a.slot, a.minutes
),
persons as (
    select c.session_id, case when :by_category then b.category end as category, e.member
    from enrolments e
    join placed c on c.session_id = e.session
    left join belonging b on b.member = e.member and b.from_day <= c.first_day and c.first_day < b.until_day
    where :with_category and e.position <= :known and e.occurred_at <= :as_of
        and (cast(:category as text) is null or b.category = cast(:category as text))
    group by c.session_id, case when :by_category then b.category end, e.member
    having sum(e.enrolled) > 0 or sum(e.waitlisted) > 0
),
lengths as (
    select session, slot, minutes
    from slots
    where position <= :known and occurred_at <= :as_of
    group by session, slot, minutes
    having sum(sign) > 0
),
counted as (
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, e.category,
        sum(e.at_first_slot) as at_first_slot, sum(e.enrolled) as enrolled, sum(e.waitlisted) as waitlisted,
        sum(e.promoted) as promoted, sum(e.withdrawn) as withdrawn, sum(e.cancelled) as cancelled,
        sum(e.no_show) as no_show, sum(e.completed) as completed, sum(e.not_completed) as not_completed
    from enrolled e
    join chosen c on c.session_id = e.session_id
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, e.category
),
came as (
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, a.category,
        sum(a.present) as present, sum(a.absent) as absent
    from attended a
    join chosen c on c.session_id = a.session_id
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, a.category
),
figures as (
    select 'at_first_slot' as figure union all select 'enrolled' union all select 'waitlisted'
    union all select 'promoted' union all select 'withdrawn' union all select 'cancelled' union all select 'no_show'
    union all select 'completed' union all select 'not_completed'
),
told as (
    select
        module, month, quarter, year, format, language, session, cast(null as text) as category,
        'sessions' as figure, 0 as value, 0 as out_of, sum(case when cancelled then 0 else 1 end) as times
    from chosen
    group by module, month, quarter, year, format, language, session
    union all
    select
        module, month, quarter, year, format, language, session, cast(null as text),
        'seats', 0, 0, sum(case when cancelled then 0 else seats end)
    from chosen
    group by module, month, quarter, year, format, language, session
    union all
    select
        module, month, quarter, year, format, language, session, category, figure, 0, 0,
        case figure
            when 'at_first_slot' then at_first_slot when 'enrolled' then enrolled when 'waitlisted' then waitlisted
            when 'promoted' then promoted when 'withdrawn' then withdrawn when 'cancelled' then cancelled
            when 'no_show' then no_show when 'completed' then completed else not_completed
        end
    from counted
    cross join figures
    union all
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, e.category, 'days', e.days, 0,
        sum(e.completed)
    from enrolled e
    join chosen c on c.session_id = e.session_id
    where e.days is not null
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, e.category, e.days
    union all
    select module, month, quarter, year, format, language, session, category, 'present', 0, 0, present
    from came
    union all
    select module, month, quarter, year, format, language, session, category, 'absent', 0, 0, absent
    from came
    union all
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, a.category, 'partial', a.minutes,
        l.minutes, sum(a.partial)
    from attended a
    join chosen c on c.session_id = a.session_id
    join lengths l on l.session = a.session_id and l.slot = a.slot
    where a.partial <> 0
    group by
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, a.category, a.minutes, l.minutes
    union all
    select module, month, quarter, year, format, language, session, category, 'people', 0, 0, count(*)
    from (
        select c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, p.category, p.member
        from persons p
        join chosen c on c.session_id = p.session_id
        group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, p.category, p.member
    ) as distinct_persons
    group by module, month, quarter, year, format, language, session, category
)
select module, month, quarter, year, format, language, session, category, figure, value, out_of, times
from told
where times <> 0 or figure = 'sessions'
order by module, month, quarter, year, format, language, session, category, figure, value, out_of
