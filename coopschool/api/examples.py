"""The ids that the document's examples use. The test that sends every example builds a school that has them."""

PERSON = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e01"
MEMBER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e02"
TRAINER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e03"
LEAVER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e04"
SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a01"
PAST_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a02"
MODULE = "M01"
NEW_MODULE = "M05"
CLOSING_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a03"
ENROLLED = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e05"
INTERESTED = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e06"
RUNNING_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a04"

REPORT_FILTERS = {
    "member_progress": {"member": MEMBER},
    "progress": {"group_by": "module,period", "as_of": "2026-03-02"},
    "demand": {"module": MODULE},
    "attendance": {"session": RUNNING_SESSION},
}
