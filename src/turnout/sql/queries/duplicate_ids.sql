-- Ids that more than one row has: of some campaigns (all where none is named) and a span of time, one of some parts of
-- them by their hash, which bounds the memory.
SELECT toString(id)
FROM events
WHERE workspace = {workspace:String} AND (empty({campaigns:Array(String)}) OR campaign IN {campaigns:Array(String)})
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND ({parts:UInt64} <= 1 OR cityHash64(id) % greatest({parts:UInt64}, 1) = {part:UInt64})
GROUP BY id
HAVING count() > 1
ORDER BY id
LIMIT {limit:UInt32}
SETTINGS max_execution_time = 3600
