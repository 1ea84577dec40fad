"""Channels: one small module each, with its configuration, a pure `payload()` and a `send()` that returns an outcome.

    wording    Notification -> Text: one order in every message (what is wrong, since when, what it feeds, what to do)
    payloads   Text -> the format of the other side, escaped for it
    send       one attempt, bounded in time; retrying is the outbox's business

Third parties publish a `ChannelType` under the entry point group `busta_health.channels`.
"""
