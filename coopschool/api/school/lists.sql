-- name: sessions
-- Sessions in order of their first slot, after a key, as far as they match what is given.
select session, module, status, format, languages, place, team, trainers, seats, confirmed, waiting,
    first_slot_at, last_slot_ends_at, closed_at
from session_cards
where (%(module)s::text is null or module = %(module)s)
    and (%(status)s::text is null or status = %(status)s)
    and (%(language)s::text is null or %(language)s = any(languages))
    and (%(trainer)s::text is null or %(trainer)s = any(trainers))
    and (%(from)s::timestamptz is null or first_slot_at >= %(from)s)
    and (%(until)s::timestamptz is null or first_slot_at < %(until)s)
    and (%(after_at)s::timestamptz is null or (first_slot_at, session) > (%(after_at)s, %(after_session)s))
order by first_slot_at, session
limit %(limit)s

-- name: members
-- Members in order of joining, after a key; all, or those of a list. The category is that of a day.
select person, language, joined_on, ended_on, erased,
    (
        select category from categories
        where member = person and from_day <= %(today)s and %(today)s < until_day
        group by category having sum(sign) > 0
    ) as category
from person_cards
where joined_on is not null
    and (%(people)s::text[] is null or person = any(%(people)s))
    and (%(after_day)s::date is null or (joined_on, person) > (%(after_day)s, %(after_person)s))
order by joined_on, person
limit %(limit)s

-- name: people
-- Everybody known, in order of their ids, with the roles that hold on a day.
select person, language, erased,
    case when joined_on <= %(today)s and coalesce(ended_on >= %(today)s, true) then array['member'] else '{}' end
        as membership,
    array(
        select role from person_roles held
        where held.person = card.person and (until is null or until >= %(today)s)
        order by role
    ) as roles
from person_cards card
where (%(people)s::text[] is null or person = any(%(people)s)) and (%(after)s::text is null or person > %(after)s)
order by person
limit %(limit)s
