-- What a part of the events holds, as far as its key columns can be read.
SELECT workspace, campaign, toUnixTimestamp64Milli(min(time)), toUnixTimestamp64Milli(max(time)), count()
FROM events WHERE _part = {part:String}
GROUP BY workspace, campaign
ORDER BY workspace, campaign
SETTINGS use_skip_indexes = 0
