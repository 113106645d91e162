"""Imports every module that defines events, so that all stored names are known."""

from coopschool.domain.school import enrolment, learning_module, member, person, session

__all__ = ["enrolment", "learning_module", "member", "person", "session"]
