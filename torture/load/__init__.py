"""A school day at full speed: how much mixed traffic one server holds, and what it does with three times as much."""
