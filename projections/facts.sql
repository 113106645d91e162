-- The tables of one generation. Facts are added and never changed; each row is dated twice: `position` says from which
-- event on it was known, `occurred_at` from when on it counts. The last columns are measures: sum them.

-- name: tables
-- Sessions as they are arranged: one row a version, sign +1, and its reversal, sign -1. Period: of the first slot.
create table sessions (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    module text not null,
    format text not null,
    language text not null,
    place text not null,
    team text,
    seats integer not null,
    cancelled boolean not null,
    closed boolean not null,
    first_slot_at timestamptz not null,
    first_day date not null,
    month text not null,
    quarter text not null,
    year text not null,
    sign smallint not null
);

-- The slots of sessions, likewise.
create table slots (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    slot integer not null,
    starts_at timestamptz not null,
    local_date date not null,
    minutes integer not null,
    cancelled boolean not null,
    sign smallint not null
);

-- A member in a session. `waits_since` goes with `waiting`, `days` (from enrolment to outcome) with `completed`.
create table enrolments (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    member text not null,
    waits_since date,
    days integer,
    seat smallint not null,
    waiting smallint not null,
    enrolled smallint not null,
    waitlisted smallint not null,
    promoted smallint not null,
    withdrawn smallint not null,
    cancelled smallint not null,
    lapsed smallint not null,
    completed smallint not null,
    not_completed smallint not null,
    no_show smallint not null
);

-- A member in a slot: one of four statuses; `minutes` only with partial.
create table attendance (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    member text not null,
    slot integer not null,
    minutes integer,
    present smallint not null,
    partial smallint not null,
    absent smallint not null,
    excused smallint not null
);

-- Sheets handed in, `delay` days after their slot, and lines corrected.
create table sheets (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    slot integer not null,
    delay integer,
    logged smallint not null,
    corrections smallint not null
);

-- Which category a member is of, from a day on and before another.
create table categories (
    position bigint not null,
    occurred_at timestamptz not null,
    member text not null,
    category text not null,
    from_day date not null,
    until_day date not null,
    sign smallint not null
);

-- People on their way: each milestone once, `months` after they were registered. `cohort` is that quarter.
create table milestones (
    position bigint not null,
    occurred_at timestamptz not null,
    person text not null,
    cohort text not null,
    months integer not null,
    registered smallint not null,
    joined smallint not null,
    one_module smallint not null,
    three_modules smallint not null,
    rite_of_passage smallint not null
);

-- Modules that count for a member as if completed.
create table waivers (
    position bigint not null,
    occurred_at timestamptz not null,
    member text not null,
    module text not null,
    waived smallint not null
);

-- Interests that are open.
create table interests (
    position bigint not null,
    occurred_at timestamptz not null,
    member text not null,
    module text not null,
    language text not null,
    place text not null,
    format text,
    since date not null,
    interested smallint not null
);

-- The catalogue: one row a version of a module.
create table modules (
    position bigint not null,
    occurred_at timestamptz not null,
    module text not null,
    status text not null,
    revision integer not null,
    half_days integer not null,
    minutes integer not null,
    format text not null,
    prerequisites text not null,
    audience text not null,
    sign smallint not null
);

-- Who is in which adviser team, both days included; without `to_day` it goes on.
create table stays (
    position bigint not null,
    occurred_at timestamptz not null,
    team text not null,
    adviser text not null,
    from_day date not null,
    to_day date,
    sign smallint not null
);

-- The days that a team worked in a quarter under a regime, and how many of them at home.
create table telework (
    position bigint not null,
    occurred_at timestamptz not null,
    team text not null,
    quarter text not null,
    regime text not null,
    days_teleworked integer not null,
    days_worked integer not null
);

-- Workshops that were held; the quarter is that of the day.
create table workshops (
    position bigint not null,
    occurred_at timestamptz not null,
    workshop text not null,
    team text not null,
    held_on date not null,
    quarter text not null,
    held smallint not null,
    participants integer not null
);

-- Decisions as they stand: one row a version. `quarter` is the workshop's; without `review_on` nothing is due.
create table decisions (
    position bigint not null,
    occurred_at timestamptz not null,
    decision text not null,
    workshop text not null,
    team text not null,
    quarter text not null,
    theme text not null,
    decided_by text not null,
    outcome text not null,
    review_on date,
    sign smallint not null
);

-- Reviews of decisions, numbered by workshop, and whether they came on the day they were due or before.
create table reviews (
    position bigint not null,
    occurred_at timestamptz not null,
    decision text not null,
    workshop text not null,
    team text not null,
    quarter text not null,
    number integer not null,
    outcome text not null,
    reviewed smallint not null,
    on_time smallint not null
);

-- Questionnaires as published: what figures need of them, as JSON.
create table instruments (
    position bigint not null,
    occurred_at timestamptz not null,
    instrument text not null,
    version integer not null,
    outline text not null,
    published smallint not null
);

-- Who may answer in a wave, frozen at its opening. `quarter` is the last full one before.
create table eligible (
    position bigint not null,
    occurred_at timestamptz not null,
    wave text not null,
    team text not null,
    adviser text not null,
    opened_on date not null,
    quarter text not null,
    eligible smallint not null
);

-- Waves whose answers were released.
create table wave_releases (
    position bigint not null,
    occurred_at timestamptz not null,
    wave text not null,
    instrument text not null,
    version integer not null,
    released_on date not null,
    released smallint not null
);

-- Ratings of people by people: they leave through `projections/disclosure` only, so no report's own role reads them.
-- The answers of a wave: one row an item; `answer` numbers a team's answers in the random order of the release.
create table wave_answers (
    position bigint not null,
    occurred_at timestamptz not null,
    wave text not null,
    team text not null,
    answer integer not null,
    item text not null,
    score integer not null,
    times smallint not null
);

-- The answers on a session: how often each score was given to an item.
create table feedback_answers (
    position bigint not null,
    occurred_at timestamptz not null,
    session text not null,
    module text not null,
    instrument text not null,
    version integer not null,
    moment text not null,
    source text not null,
    item text not null,
    score integer not null,
    times integer not null
);

-- Current rows, for lists: replaced, never dated.
create table session_cards (
    session text primary key,
    module text not null,
    format text not null,
    languages text[] not null,
    place text not null,
    team text,
    trainers text[] not null,
    seats integer not null,
    confirmed integer not null,
    waiting integer not null,
    status text not null,
    first_slot_at timestamptz not null,
    last_slot_ends_at timestamptz not null,
    closed_at timestamptz
);

create table person_cards (
    person text primary key,
    registered_at timestamptz,
    language text,
    joined_on date,
    ended_on date,
    erased boolean not null
);

create table person_roles (
    person text not null,
    role text not null,
    until date,
    primary key (person, role)
);

-- name: indexes
-- Made when the rows are in: it is quicker so.
create index enrolments_member on enrolments (member);
create index enrolments_session on enrolments (session);
create index attendance_session on attendance (session);
create index attendance_member on attendance (member);
create index attendance_partial on attendance (session, slot, minutes) include (position, occurred_at, member, partial)
    where partial <> 0;
create index sessions_session on sessions (session);
create index slots_session on slots (session);
create index sheets_session on sheets (session);
create index categories_member on categories (member);
create index interests_member on interests (member);
create index waivers_member on waivers (member);
create index telework_team on telework (team);
create index decisions_team on decisions (team);
create index eligible_wave on eligible (wave);
create index wave_answers_wave on wave_answers (wave);
create index session_cards_order on session_cards (first_slot_at, session);
create index session_cards_waiting on session_cards (first_slot_at) where waiting > 0 and status = 'open';
create index person_cards_joined on person_cards (joined_on, person);

-- What was rolled up is added to by its key; what a projection has just written is found by its position.
alter table session_totals add primary key (session);
alter table participations add primary key (member, session);
alter table completions add primary key (session, days);
create index enrolments_position on enrolments (position);
create index attendance_position on attendance (position);

-- What the planner has to know before the first report.
analyze sessions, slots, enrolments, attendance, sheets, categories, milestones, waivers, interests, modules,
    stays, telework, workshops, decisions, reviews, instruments, eligible, wave_releases, wave_answers, feedback_answers,
    session_cards, person_cards, person_roles, session_totals, participations, completions;
