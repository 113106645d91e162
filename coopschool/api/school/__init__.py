"""The school's routes: people, members, modules, sessions, enrolments, attendance."""
