-- Drops rows by their id and when they were received, or where they lie. A row that has moved to another part meanwhile
-- stays, and is found again.
ALTER TABLE events DELETE
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN {ids:Array(UInt128)}
  AND (cityHash64(id, toUnixTimestamp64Milli(received)) IN {moments:Array(UInt64)}
      OR cityHash64(id, _part, _part_offset) IN {places:Array(UInt64)})
SETTINGS mutations_sync = 2
