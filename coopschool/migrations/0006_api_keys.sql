-- Keys of integrations. They are no people and have no roles, only scopes; the key itself is not kept, only its hash.

create table api_keys (
    key_id uuid primary key,
    hash bytea not null unique,
    -- What the integration is called: a code, not words.
    name text not null,
    scopes text[] not null check (scopes <> '{}'),
    created_at timestamptz not null,
    created_by uuid,
    expires_at timestamptz not null check (expires_at > created_at),
    revoked_at timestamptz
);

-- A key cannot be given more scopes or a longer life, and none disappears without a trace.
grant select, insert, update (revoked_at) on api_keys to :"app";
