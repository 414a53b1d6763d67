-- How the events of one large campaign lie in time, to cut it into slices. Only a guide: slices cover all of time.
SELECT toUnixTimestamp(slot) AS slot_s, sum(events)
FROM counts
WHERE workspace = {workspace:String} AND campaign = {campaign:String}
GROUP BY slot
ORDER BY slot
