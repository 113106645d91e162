-- name: progress
-- What became of people in sessions, as of a moment, as known at a position: counts by whatever is asked for. A figure
-- is `times`; where `value` says something, there were so many times that value: days until completion, or minutes
-- `out_of` those that the slot has. It reads roll-ups, and facts where a clock cuts through what they span.
-- (By category it is the next statement that answers.)
with arranged as (
    select session, module, format, language, seats, cancelled, first_slot_at, month, quarter, year
    from sessions
    where not :with_category and position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
    group by session, module, format, language, seats, cancelled, first_slot_at, month, quarter, year
    having sum(sign) > 0
),
chosen as (
    select
        session as session_id,
        seats,
        cancelled,
        first_slot_at,
        case when :by_module then module end as module,
        case when :by_month then month end as month,
        case when :by_quarter then quarter end as quarter,
        case when :by_year then year end as year,
        case when :by_format then format end as format,
        case when :by_language then language end as language,
        case when :by_session then session end as session
    from arranged
    where (cast(:module as text) is null or module = cast(:module as text))
        and (cast(:format as text) is null or format = cast(:format as text))
        and (cast(:language as text) is null or language = cast(:language as text))
        and (cast(:period as text) is null or cast(:period as text) in (month, quarter, year))
),
-- Sessions that a clock cuts through.
cut as (
    select session
    from session_totals
    where not :with_category and first_position <= :known and first_occurred_at <= :as_of
        and (last_position > :known or last_occurred_at > :as_of)
),
totals as (
    select
        session, last_seat_at, seat, enrolled, waitlisted, promoted, withdrawn, cancelled, no_show, completed,
        not_completed, present, absent
    from session_totals
    where not :with_category and last_position <= :known and last_occurred_at <= :as_of
    union all
    select
        p.session, p.last_seat_at, p.seat, p.enrolled, p.waitlisted, p.promoted, p.withdrawn, p.cancelled, p.no_show,
        p.completed, p.not_completed, p.present, p.absent
    from cut c
    join participation_changes p on p.session = c.session
    where p.last_position <= :known and p.last_occurred_at <= :as_of
),
enrolled as (
    select
        session, sum(seat) as seats, max(last_seat_at) as seated_at, sum(enrolled) as enrolled,
        sum(waitlisted) as waitlisted, sum(promoted) as promoted, sum(withdrawn) as withdrawn,
        sum(cancelled) as cancelled, sum(no_show) as no_show, sum(completed) as completed,
        sum(not_completed) as not_completed, sum(present) as present, sum(absent) as absent
    from totals
    group by session
),
lasted as (
    select session, days, completed
    from completions
    where not :with_category and last_position <= :known and last_occurred_at <= :as_of
    union all
    select p.session, p.days, p.completed
    from completions c
    join completion_changes p on p.session = c.session and p.days = c.days
    where not :with_category and c.first_position <= :known and c.first_occurred_at <= :as_of
        and (c.last_position > :known or c.last_occurred_at > :as_of)
        and p.last_position <= :known and p.last_occurred_at <= :as_of
),
-- Sessions whose seats changed after their first slot, and those changes: they do not count for who was there then.
begun as (
    select c.session_id, c.first_slot_at
    from chosen c
    join enrolled e on e.session = c.session_id
    where e.seated_at > c.first_slot_at and not c.cancelled
),
since as (
    select b.session_id, sum(e.seat) as seats
    from begun b
    join enrolments e on e.session = b.session_id
    where e.occurred_at > b.first_slot_at and e.position <= :known and e.occurred_at <= :as_of
    group by b.session_id
),
partly as (
    select session, slot, minutes, sum(partial) as partial
    from attendance
    where not :with_category and partial <> 0 and position <= :known and occurred_at <= :as_of
    group by session, slot, minutes
),
lengths as (
    select session, slot, minutes
    from slots
    where not :with_category and position <= :known and occurred_at <= :as_of
    group by session, slot, minutes
    having sum(sign) > 0
),
counted as (
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session,
        sum(case when c.cancelled then 0 else e.seats end) as seats,
        sum(e.enrolled) as enrolled, sum(e.waitlisted) as waitlisted,
        sum(e.promoted) as promoted, sum(e.withdrawn) as withdrawn, sum(e.cancelled) as cancelled,
        sum(e.no_show) as no_show, sum(e.completed) as completed, sum(e.not_completed) as not_completed,
        sum(e.present) as present, sum(e.absent) as absent
    from enrolled e
    join chosen c on c.session_id = e.session
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session
),
figures as (
    select 'at_first_slot' as figure union all select 'enrolled' union all select 'waitlisted'
    union all select 'promoted' union all select 'withdrawn' union all select 'cancelled' union all select 'no_show'
    union all select 'completed' union all select 'not_completed' union all select 'present' union all select 'absent'
),
told as (
    select
        module, month, quarter, year, format, language, session,
        'sessions' as figure, 0 as value, 0 as out_of, sum(case when cancelled then 0 else 1 end) as times
    from chosen
    group by module, month, quarter, year, format, language, session
    union all
    select
        module, month, quarter, year, format, language, session,
        'seats', 0, 0, sum(case when cancelled then 0 else seats end)
    from chosen
    group by module, month, quarter, year, format, language, session
    union all
    select
        module, month, quarter, year, format, language, session, figure, 0, 0,
        case figure
            when 'at_first_slot' then seats when 'enrolled' then enrolled when 'waitlisted' then waitlisted
            when 'promoted' then promoted when 'withdrawn' then withdrawn when 'cancelled' then cancelled
            when 'no_show' then no_show when 'completed' then completed when 'not_completed' then not_completed
            when 'present' then present else absent
        end
    from counted
    cross join figures
    union all
    select c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, 'at_first_slot', 1, 0, -sum(s.seats)
    from since s
    join chosen c on c.session_id = s.session_id
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session
    union all
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, 'days', l.days, 0, sum(l.completed)
    from lasted l
    join chosen c on c.session_id = l.session
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, l.days
    union all
    select
        c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, 'partial', a.minutes,
        l.minutes, sum(a.partial)
    from partly a
    join chosen c on c.session_id = a.session
    join lengths l on l.session = a.session and l.slot = a.slot
    group by c.module, c.month, c.quarter, c.year, c.format, c.language, c.session, a.minutes, l.minutes
)
select module, month, quarter, year, format, language, session, figure, value, out_of, times
from told
where times <> 0 or figure = 'sessions'
order by module, month, quarter, year, format, language, session, figure, value, out_of

-- name: by_category
-- The same by the category that people were of on the session's first day, and how many `people` they are, for the gate.
-- A `line` numbers what is shown together.
with arranged as (
    select session, module, format, language, first_day, month, quarter, year
    from sessions
    where :with_category and position <= :known and occurred_at <= :as_of
        and (cast(:session as text) is null or session = cast(:session as text))
    group by session, module, format, language, seats, cancelled, first_slot_at, first_day, month, quarter, year
    having sum(sign) > 0
),
chosen as (
    select
        session as session_id,
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
        and (cast(:format as text) is null or format = cast(:format as text))
        and (cast(:language as text) is null or language = cast(:language as text))
        and (cast(:period as text) is null or cast(:period as text) in (month, quarter, year))
),
numbered as (
    select
        session_id, first_day, module, month, quarter, year, format, language, session,
        rank() over (order by module, month, quarter, year, format, language, session) as line
    from chosen
),
lines as (
    select line, module, month, quarter, year, format, language, session
    from numbered
    group by line, module, month, quarter, year, format, language, session
),
periods as (
    select member, category, from_day, until_day
    from categories
    where :with_category and position <= :known and occurred_at <= :as_of
    group by member, category, from_day, until_day
    having sum(sign) > 0
),
-- Sessions and members that are known, each once, so that planners see by how little the facts are to be looked up.
known_sessions as (
    select session from sessions where :with_category and position <= :known and occurred_at <= :as_of group by session
),
known_members as (
    select member from categories where :with_category and position <= :known and occurred_at <= :as_of group by member
),
placed as materialized (
    select k.session as session_id, n.first_day, n.line
    from known_sessions k
    join numbered n on n.session_id = k.session
),
belonging as materialized (
    select k.member, p.category, p.from_day, p.until_day
    from known_members k
    join periods p on p.member = k.member
),
lengths as (
    select session, slot, minutes
    from slots
    where :with_category and position <= :known and occurred_at <= :as_of
    group by session, slot, minutes
    having sum(sign) > 0
),
-- Participations that a clock cuts through.
cut as (
    select session, member
    from participations
    where :with_category and first_position <= :known and first_occurred_at <= :as_of
        and (last_position > :known or last_occurred_at > :as_of)
),
-- What became of each, and a row for each time that somebody was there for `minutes` of a slot of so many, `out_of`.
participated as (
    select
        session, member, enrolled, waitlisted, promoted, withdrawn, cancelled, no_show, completed, not_completed,
        case when days * completed >= 0 and completed <> 0 then days * completed end as days, present, absent, 0 as partial, 0 as minutes,
        0 as out_of
    from participations
    where :with_category and last_position <= :known and last_occurred_at <= :as_of
    union all
    select
        p.session, p.member, p.enrolled, p.waitlisted, p.promoted, p.withdrawn, p.cancelled, p.no_show, p.completed,
        p.not_completed, case when p.days * p.completed >= 0 and p.completed <> 0 then p.days * p.completed end,
        p.present, p.absent, 0, 0, 0
    from cut c
    join participation_changes p on p.session = c.session and p.member = c.member
    where p.last_position <= :known and p.last_occurred_at <= :as_of
    union all
    select a.session, a.member, 0, 0, 0, 0, 0, 0, 0, 0, cast(null as integer), 0, 0, a.partial, a.minutes, l.minutes
    from attendance a
    join lengths l on l.session = a.session and l.slot = a.slot
    where :with_category and a.partial <> 0 and a.position <= :known and a.occurred_at <= :as_of
),
assigned as (
    select
        s.line, b.category, p.member, p.enrolled, p.waitlisted, p.promoted, p.withdrawn, p.cancelled, p.no_show,
        p.completed, p.not_completed, p.days, p.present, p.absent, p.partial, p.minutes, p.out_of
    from participated p
    join placed s on s.session_id = p.session
    left join belonging b on b.member = p.member and b.from_day <= s.first_day and s.first_day < b.until_day
),
counted as (
    select
        line, category, days, minutes, out_of, sum(enrolled) as enrolled, sum(waitlisted) as waitlisted,
        sum(promoted) as promoted, sum(withdrawn) as withdrawn, sum(cancelled) as cancelled, sum(no_show) as no_show,
        sum(completed) as completed, sum(not_completed) as not_completed, sum(present) as present,
        sum(absent) as absent, sum(partial) as partial
    from assigned
    group by line, category, days, minutes, out_of
),
-- Nobody is enrolled or waitlisted less than not at all in any session: a sum over several will do.
persons as (
    select line, category, member
    from assigned
    where enrolled <> 0 or waitlisted <> 0
    group by line, category, member
    having sum(enrolled) > 0 or sum(waitlisted) > 0
),
figures as (
    select 'enrolled' as figure union all select 'waitlisted' union all select 'promoted' union all select 'withdrawn'
    union all select 'cancelled' union all select 'no_show' union all select 'completed' union all select 'not_completed'
    union all select 'present' union all select 'absent'
),
told as (
    select
        line, category, figure, 0 as value, 0 as out_of,
        sum(case figure
            when 'enrolled' then enrolled when 'waitlisted' then waitlisted when 'promoted' then promoted
            when 'withdrawn' then withdrawn when 'cancelled' then cancelled when 'no_show' then no_show
            when 'completed' then completed when 'not_completed' then not_completed when 'present' then present
            else absent
        end) as times
    from counted
    cross join figures
    group by line, category, figure
    union all
    select line, category, 'days', days, 0, completed
    from counted
    where days is not null
    union all
    select line, category, 'partial', minutes, out_of, partial
    from counted
    where partial <> 0
    union all
    select line, category, 'people', 0, 0, count(*)
    from persons
    group by line, category
)
select
    l.module, l.month, l.quarter, l.year, l.format, l.language, l.session, t.category, t.figure, t.value, t.out_of, t.times
from told t
join lines l on l.line = t.line
where t.times <> 0
order by
    l.module, l.month, l.quarter, l.year, l.format, l.language, l.session, t.category, t.figure, t.value, t.out_of
