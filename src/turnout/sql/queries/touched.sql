-- What events each of some campaigns has, of each type: how many, and between which times.
SELECT campaign, type, toUnixTimestamp64Milli(min(time)), toUnixTimestamp64Milli(max(time)), count()
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
GROUP BY campaign, type
