-- First and last event time of each campaign, of some types of events or of all.
SELECT campaign, toUnixTimestamp64Milli(min(first_time)), toUnixTimestamp64Milli(max(last_time)), sum(events)
FROM counts
WHERE workspace = {workspace:String} AND (empty({campaigns:Array(String)}) OR campaign IN {campaigns:Array(String)})
    AND (empty({types:Array(String)}) OR type IN {types:Array(String)})
GROUP BY campaign
