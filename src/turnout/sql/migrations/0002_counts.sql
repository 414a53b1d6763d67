-- Counts and sums of a quarter of an hour: the only rollup.
--
-- Quarters, because every zone's offset since 2000 is a whole number of them, so local hours, days,
-- weeks and months are made of whole slots. Distinct recipients are not kept here: raw answers them
-- as fast as merged states do, and exactly.
CREATE TABLE IF NOT EXISTS counts
(
    workspace LowCardinality(String),
    campaign LowCardinality(String),
    type LowCardinality(String),
    slot DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    traffic LowCardinality(String),
    channel LowCardinality(String),
    message LowCardinality(String),
    variation LowCardinality(String),
    profile LowCardinality(String),
    detail LowCardinality(String),
    goal UInt8,
    currency LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    quantity SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    duration_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    amount SimpleAggregateFunction(sum, Decimal(38, 6)) CODEC(ZSTD(1)),
    first_time SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last_time SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Keep the SELECT equal to queries/refill_counts.sql; `turnout check` and a test hold them together.
CREATE MATERIALIZED VIEW IF NOT EXISTS counts_of_events TO counts AS
SELECT
    workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot,
    traffic, channel, message, variation, profile, detail, goal, currency,
    count() AS events,
    sum(toUInt64(e.quantity)) AS quantity,
    sum(toUInt64(e.duration_ms)) AS duration_ms,
    sum(toDecimal128(e.amount, 6)) AS amount,
    min(time) AS first_time,
    max(time) AS last_time
FROM events AS e
GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency;
