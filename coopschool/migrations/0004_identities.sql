-- Who signs in as whom: a person has at most one sign-in, and a sign-in is one person's.

create table vault_identities (
    -- The keyed hash of issuer and subject, as the identity provider names somebody.
    identity bytea primary key,
    person uuid not null unique
);

grant select, insert, delete on vault_identities to :"app";
