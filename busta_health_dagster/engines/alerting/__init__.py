"""The life of an alert as pure decisions: opening, lifecycle, escalation, inhibition, flapping, routing, grouping. No I/O, no clock."""
