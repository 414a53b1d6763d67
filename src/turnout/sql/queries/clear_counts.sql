-- Whole slots of some campaigns, before they are refilled.
DELETE FROM counts
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND slot >= fromUnixTimestamp({from_s:UInt32}) AND slot < fromUnixTimestamp({to_s:UInt32})
