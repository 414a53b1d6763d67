-- First and last event time of each campaign.
SELECT campaign, toUnixTimestamp64Milli(min(first_time)), toUnixTimestamp64Milli(max(last_time)), sum(events)
FROM counts
WHERE workspace = {workspace:String} AND (empty({campaigns:Array(String)}) OR campaign IN {campaigns:Array(String)})
GROUP BY campaign
