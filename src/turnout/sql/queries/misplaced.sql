-- Events that lie on another shard than their key says, by campaign and shard. Who was erased stays where the person was,
-- so that what of theirs is counted together lies together.
SELECT campaign, shard, count()
FROM
(
    SELECT campaign, shardNum() AS shard, recipient,
        -- The shard whose span of the sum of weights has the rest of the division.
        arrayFirstIndex(end -> sharding_key % {weight:UInt64} < end, {ends:Array(UInt64)}) AS right_shard
    FROM events
    WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
      AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
WHERE shard != right_shard AND NOT match(recipient, '^erased:[0-9a-f]{32}(@|$)')
GROUP BY campaign, shard
ORDER BY campaign, shard
LIMIT {limit:UInt32}
SETTINGS max_execution_time = 3600
