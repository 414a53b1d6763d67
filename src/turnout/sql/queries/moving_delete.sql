-- A slice of the target that says something else than the source, before it is written anew.
DELETE FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id >= {first_id:UInt128} AND id <= {last_id:UInt128}
