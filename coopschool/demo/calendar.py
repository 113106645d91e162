"""The days on which the simulated school changed."""

from datetime import date

FIRST_DAY = date(2018, 1, 8)
ONLINE_FROM = date(2020, 3, 16)
HYBRID_FROM = date(2020, 9, 1)
LAST_DAY = date(2021, 12, 31)
SETTLED = date(2022, 7, 31)
"""By then the last answers are in on what took place until `LAST_DAY`."""
