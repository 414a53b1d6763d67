-- What the numbers of blocks go on from, on a single server: which table it is, its last block, when the server was
-- started, the part with the last block, and whether the one that was the last before is still there.
SELECT
    (SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = 'events') AS table,
    max(max_block_number) AS last,
    toUnixTimestamp(now()) - uptime() AS began_s,
    argMax(concat(name, ' ', hash_of_all_files), max_block_number) AS tail,
    countIf(concat(name, ' ', hash_of_all_files) = {tail:String}) > 0 AS is_tail_there
FROM system.parts
WHERE active AND database = {database:String} AND table = 'events'
