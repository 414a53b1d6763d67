-- What events show of some campaigns: where, by what and in which arm they were seen.
SELECT DISTINCT campaign, channel, message, variation, type = 'enrolled'
FROM counts
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
    AND slot >= fromUnixTimestamp({from_s:UInt32})
LIMIT {limit:UInt32}
