-- Messages that are no event, as they came, each with why. Nothing reads this table but people and `turnout import`.
CREATE TABLE IF NOT EXISTS kafka_refused /* ON CLUSTER */
(
    received DateTime64(3, 'UTC'),
    workspace LowCardinality(String),
    topic LowCardinality(String),
    partition UInt64,
    offset UInt64,
    field LowCardinality(String),
    error String,
    body String CODEC(ZSTD(3))
)
ENGINE = MergeTree /* ReplicatedMergeTree('/turnout/{database}/kafka_refused', '{replica}') */
ORDER BY (workspace, received)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
