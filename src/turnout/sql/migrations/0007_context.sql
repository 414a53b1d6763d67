-- What a request says of itself beside its words, and why it counts as the class of traffic that it is of: a bit for
-- each reason, in the order of `model.REASONS`. Rule version 0: no rule has looked at the event yet.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS city LowCardinality(String) AFTER country,
    ADD COLUMN IF NOT EXISTS network LowCardinality(String) AFTER city,
    ADD COLUMN IF NOT EXISTS os LowCardinality(String) AFTER device,
    ADD COLUMN IF NOT EXISTS browser_version LowCardinality(String) AFTER browser,
    ADD COLUMN IF NOT EXISTS reasons UInt32 CODEC(ZSTD(1)) AFTER traffic,
    ADD COLUMN IF NOT EXISTS rule_version UInt8 CODEC(ZSTD(1)) AFTER reasons;
