"""`python -m coopschool.cli`: how the supervisor starts its children."""

from coopschool.cli import main

main()
