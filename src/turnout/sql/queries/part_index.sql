-- The same by the part's primary index alone, the key of every 2048th row: campaigns that lie between are not seen.
SELECT workspace, campaign, toUnixTimestamp64Milli(min(time)), toUnixTimestamp64Milli(max(time)), sum(rows_in_granule)
FROM mergeTreeIndex(currentDatabase(), events)
WHERE part_name = {part:String}
GROUP BY workspace, campaign
ORDER BY workspace, campaign
