-- Events that lie on another shard than their key says, by campaign and shard: each shard says so of its own. Who was
-- erased stays where the person was, so that what of theirs is counted together lies together. All shards are asked, also
-- where questions need only one.
SELECT campaign, shardNum() AS shard, count()
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  -- The shard whose span of the sum of weights has the rest of the division.
  AND arrayFirstIndex(end -> sharding_key % {weight:UInt64} < end, {ends:Array(UInt64)}) != shardNum()
  AND NOT match(recipient, '^erased:[0-9a-f]{32}(@|$)')
GROUP BY campaign
LIMIT {limit:UInt32}
SETTINGS max_execution_time = 3600, distributed_group_by_no_merge = 1, optimize_skip_unused_shards = 0
