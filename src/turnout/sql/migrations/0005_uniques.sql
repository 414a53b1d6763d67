-- Distinct recipients that were counted once, each with the number of events that it was counted from: right for as
-- long as the rollup counts as many between the same two instants. A cache, so a row that a crash loses, or that
-- stays behind, only costs a recount. `types` and `traffic` are words with a space between, empty for all.
CREATE TABLE IF NOT EXISTS uniques
(
    workspace LowCardinality(String),
    campaigns String,
    condition LowCardinality(String),
    types LowCardinality(String),
    traffic LowCardinality(String),
    unit LowCardinality(String),
    first_ms Int64,
    last_ms Int64,
    events UInt64,
    number UInt64,
    kept DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(kept)
ORDER BY (workspace, campaigns, condition, traffic, unit, first_ms, last_ms);
