-- What a slice holds, in three numbers that no order of the rows changes. Equal on both sides: the same rows.
SELECT count(), sum(cityHash64(*)), groupBitXor(cityHash64(*))
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id >= {first_id:UInt128} AND id <= {last_id:UInt128}
