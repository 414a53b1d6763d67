-- Beside what is being moved, how far that is: a row for each slice that was verified (`done`), for each time that one
-- was deleted to be written anew (`anew`), one for a move that has begun to change anything (`begun`, with its name), and
-- one for a move that has ended (`closed`, with the registry's checksum). Only the last stays.
CREATE TABLE IF NOT EXISTS moves
(
    kind LowCardinality(String),
    slice String,
    events UInt64,
    note String,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (kind, slice)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
