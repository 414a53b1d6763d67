-- The same of a cluster, by shard: the tables of its replicas, which are replaced one by one if at all; the last block
-- that any of them has; and the numbers that mutations have taken, which no block has. What does not answer is left
-- out.
SELECT
    shard,
    groupUniqArrayIf(uuid, uuid != '') AS tables,
    max(block) AS last,
    groupUniqArrayIf(version, version > block) AS mutations
FROM (
    SELECT shardNum() AS shard, toString(uuid) AS uuid, 0 AS block, 0 AS version
    FROM clusterAllReplicas({cluster:String}, system.tables)
    WHERE database = {database:String} AND name = 'events_local'
    UNION ALL
    -- The version of a part is that of its last mutation, or else its first block.
    SELECT shardNum() AS shard, '' AS uuid, max_block_number AS block, toInt64(data_version) AS version
    FROM clusterAllReplicas({cluster:String}, system.parts)
    WHERE active AND database = {database:String} AND table = 'events_local'
)
GROUP BY shard
SETTINGS skip_unavailable_shards = 1
