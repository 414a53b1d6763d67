-- Which rows a slice holds, where both sides differ: identity and checksum, and whether its person was erased.
SELECT id, cityHash64(*), toUInt8(startsWith(recipient, 'erased:'))
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id >= {first_id:UInt128} AND id <= {last_id:UInt128}
