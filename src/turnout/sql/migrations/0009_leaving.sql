-- Who is being taken out of the events, for as long as that takes; empty otherwise. What a crash or a full disk
-- interrupts goes on from here, under the same keys, so that nobody ends up under two names. `kind` is `recipient`,
-- `mentioned` (also where events of others name them), `ready` (a row that says that the list is complete), or a column
-- of events, of which `value` is shared with others and stays.
CREATE TABLE IF NOT EXISTS leaving
(
    kind LowCardinality(String),
    workspace String,
    value String,
    key0 UInt64,
    key1 UInt64,
    keep_domain Bool
)
ENGINE = MergeTree
ORDER BY (kind, workspace, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, old_parts_lifetime = 0;
