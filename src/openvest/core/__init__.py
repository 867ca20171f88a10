"""Pure parts: money, ids, clock, trading calendar, lifecycle tables, problems, declarations."""
