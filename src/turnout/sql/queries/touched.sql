-- When each campaign touched recipients, and how often, by the type of touch.
SELECT campaign, type, toUnixTimestamp64Milli(min(time)), toUnixTimestamp64Milli(max(time)), count()
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN {types:Array(String)} AND recipient != ''
GROUP BY campaign, type
