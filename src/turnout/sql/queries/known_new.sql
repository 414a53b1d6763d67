-- The ids of the parts that were not read before, each with the part and the shard that it was read from. A part is
-- left out only if the blocks that it is made of lie within what was read of its shard: that is decided here, and not
-- from a list of parts that was asked for before, since a merge in between would have given them another name.
SELECT id, shard, part
FROM (
    SELECT id, shardNum() AS shard, _part AS part
    FROM events
    WHERE NOT arrayExists(
        (one, low, high) -> one = shardNum()
            AND low <= toInt64(splitByChar('_', _part)[2]) AND toInt64(splitByChar('_', _part)[3]) <= high,
        {shards:Array(UInt32)}, {lows:Array(Int64)}, {highs:Array(Int64)}
    )
)
LIMIT {limit:UInt64}
