-- The same of a cluster, by shard: the tables of its replicas, which are replaced one by one if at all; the last block
-- that any of them has; and the numbers that mutations have taken, which no block has. What does not answer is left
-- out.
SELECT
    shard,
    groupUniqArrayIf(uuid, uuid != '') AS tables,
    max(block) AS last,
    groupUniqArrayIf(mutation, mutation > 0) AS mutations
FROM (
    SELECT shardNum() AS shard, toString(uuid) AS uuid, 0 AS block, 0 AS mutation
    FROM clusterAllReplicas({cluster:String}, system.tables)
    WHERE database = {database:String} AND name = 'events_local'
    UNION ALL
    SELECT shardNum() AS shard, '' AS uuid, max_block_number AS block, 0 AS mutation
    FROM clusterAllReplicas({cluster:String}, system.parts)
    WHERE active AND database = {database:String} AND table = 'events_local'
    UNION ALL
    SELECT shardNum() AS shard, '' AS uuid, 0 AS block, arrayJoin(block_numbers.number) AS mutation
    FROM clusterAllReplicas({cluster:String}, system, mutations)
    WHERE database = {database:String} AND table = 'events_local'
)
GROUP BY shard
SETTINGS skip_unavailable_shards = 1
