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

-- What most questions want of the rollup, the sums of whole campaigns, is a thousandth of it: kept within each of its
-- parts, so that it can't differ from them.
ALTER TABLE counts MODIFY SETTING
    deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE counts ADD PROJECTION IF NOT EXISTS whole
(
    SELECT workspace, campaign, type, detail, goal, traffic, sum(events), min(first_time), max(last_time)
    GROUP BY workspace, campaign, type, detail, goal, traffic
);
ALTER TABLE counts MATERIALIZE PROJECTION whole SETTINGS mutations_sync = 1;
