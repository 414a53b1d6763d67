-- What providers told and nobody understood: kept as it came, to be looked at and parsed again. The same thing told
-- again has the same id, and replaces the row.
CREATE TABLE IF NOT EXISTS deadletters
(
    workspace String,
    id String,
    received DateTime64(3, 'UTC'),
    provider LowCardinality(String),
    hook String,
    reason String,
    body String CODEC(ZSTD(3)),
    headers String,
    query String,
    replayed DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
