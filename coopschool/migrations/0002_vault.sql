-- The vault: personal data and typed text, by random ids. Deleting rows here is what erasure means.

create table vault_people (
    person uuid primary key,
    name text,
    email text,
    email_hash bytea unique,
    version integer not null default 1
);

-- Typed text that events refer to: titles, notes, reasons in words. `about` and `author` are the people it dies with.
create table vault_texts (
    id uuid primary key,
    about uuid,
    author uuid,
    body text not null
);
create index vault_texts_about on vault_texts (about) where about is not null;
create index vault_texts_author on vault_texts (author) where author is not null;

-- Places in words, by a code made from a keyed hash of the words.
create table vault_places (
    code text primary key,
    name text not null
);

-- References from other systems (imports), as keyed hashes, and what they stand for here.
create table vault_references (
    reference bytea primary key,
    id text not null
);
create index vault_references_id on vault_references (id);

-- What a repeated request was answered: keyed hashes of (actor, route, key) and of the body, and the first answer.
create table idempotency (
    key bytea primary key,
    body bytea not null,
    answer text not null,
    position bigint not null,
    recorded_at timestamptz not null
);
create index idempotency_recorded_at on idempotency (recorded_at);
