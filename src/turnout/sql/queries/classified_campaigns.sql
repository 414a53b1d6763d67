-- Campaigns with events since a moment that the rules of traffic have looked at.
SELECT DISTINCT campaign
FROM events
WHERE workspace = {workspace:String} AND type IN {types:Array(String)} AND rule_version > 0
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
LIMIT {limit:UInt32}
