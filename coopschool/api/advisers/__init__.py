"""The adviser teams' routes: teams, telework, workshops, decisions, questionnaires."""
