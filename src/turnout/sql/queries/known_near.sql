-- Which of these ids are stored in the campaigns and the span of time where a repeated event must be.
SELECT id FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN {ids:Array(UInt128)}
