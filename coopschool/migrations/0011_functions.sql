-- PostgreSQL lets everybody run a new function. Here nobody does until a migration says who.
alter default privileges for role :"owner" revoke execute on functions from public;
