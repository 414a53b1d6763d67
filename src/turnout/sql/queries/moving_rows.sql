-- The rows of a slice as they are stored, every column but what the table computes by itself, each with its checksum.
-- In an order that is always the same, so that the same rows are the same block again, of which one insert counts.
SELECT *, cityHash64(*) AS row_hash
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id >= {first_id:UInt128} AND id <= {last_id:UInt128}
ORDER BY campaign, type, time, id
SETTINGS output_format_arrow_string_as_string = 0
