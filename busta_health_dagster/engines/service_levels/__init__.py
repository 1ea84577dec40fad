"""Uptime, error budget, burn rate, calendar periods and incidents as pure arithmetic. No I/O, no clock."""
