"""Directories of import files, written in tests as a few rows each."""

from pathlib import Path

HEADERS = {
    "members": "member_ref,category,joined_on,ended_on,language,name,email",
    "categories": "member_ref,category,effective_on",
    "modules": "module,title_fr,half_days,prerequisites,published_on",
    "sessions": "session_ref,module,seats,trainers,place,scheduled_on,cancelled_on,closed_on,format",
    "slots": "session_ref,slot,starts_at,ends_at",
    "enrolments": "session_ref,member_ref,enrolled_at,exception",
    "withdrawals": "session_ref,member_ref,withdrawn_at,reason_code",
    "waivers": "member_ref,module,granted_on",
    "attendance": "session_ref,slot,member_ref,status,minutes,exception",
    "feedback": "session_ref,moment,sheet,instrument,version,item,score,source",
    "teams": "team_ref,name,formed_on",
    "team_members": "team_ref,member_ref,from,to",
    "telework": "team_ref,quarter,regime,days_teleworked,days_worked,recorded_on",
    "workshops": "workshop_ref,team_ref,planned_for,facilitators,planned_on,held_on,participants,themes,note",
    "decisions": "decision_ref,workshop_ref,theme,decided_by,review_on,text,taken_on,outcome,reviewed_on,"
    "next_review_on,new_text",
    "wave_responses": "wave_ref,instrument,version,opened_on,closes_on,team_ref,sheet,item,score",
}


def write(directory: Path, **files: str | list[str]) -> Path:
    """Writes files by name, each a row or several; cells missing at the end of a row are empty."""
    directory.mkdir(exist_ok=True)
    for name, rows in files.items():
        header = HEADERS[name]
        lines = [
            row + "," * (header.count(",") - row.count(",")) for row in ([rows] if isinstance(rows, str) else rows)
        ]
        (directory / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return directory
