-- Workspaces, campaigns and keys: small, replaced whole, read once at the start and kept in memory.
CREATE TABLE IF NOT EXISTS catalog
(
    kind LowCardinality(String),
    workspace String,
    id String,
    body String,
    version UInt64,
    deleted UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, workspace, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
