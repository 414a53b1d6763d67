-- Some rows of a part that can't be read as a whole, kept as one part of the table beside: all of them, or none.
INSERT INTO {into:Identifier}
SELECT * FROM events
WHERE _part = {part:String} AND _part_offset >= {from:UInt64} AND _part_offset < {to:UInt64}
SETTINGS use_skip_indexes = 0, max_threads = 1, max_insert_threads = 1, min_insert_block_size_bytes = 0,
    min_insert_block_size_rows = 1000000
