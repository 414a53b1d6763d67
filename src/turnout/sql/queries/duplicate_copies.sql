-- Every row with one of these ids, those of an id together, first the one that stays: what came first, and where that
-- leaves a choice, one that is the same whoever asks. `moment` and `place` tell a row from the others of its id.
SELECT toString(id), campaign, type, toUnixTimestamp64Milli(time) AS ms, toUnixTimestamp64Milli(received) AS received_ms,
    cityHash64(id, received_ms) AS moment, cityHash64(id, _part, _part_offset) AS place
FROM events
WHERE workspace = {workspace:String} AND (empty({campaigns:Array(String)}) OR campaign IN {campaigns:Array(String)})
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN {ids:Array(UInt128)}
ORDER BY id, received_ms, campaign, type, ms, recipient, cityHash64(*), _part, _part_offset
SETTINGS max_execution_time = 3600
