-- How many events of some types the rollup counts in some campaigns and whole slots.
SELECT sum(events) FROM counts
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN {types:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
