-- The ids of all parts, each with the part and the shard that it was read from.
SELECT id, shardNum() AS shard, _part AS part FROM events
