-- Some campaigns and a span of time in slices of about so many events, by whole slots: each from its first slot to its
-- last, and how many events it has. Counted from raw, since the rollup may be what is wrong.
SELECT toUnixTimestamp(min(slot)), toUnixTimestamp(max(slot)), sum(events)
FROM
(
    SELECT slot, events,
        intDiv(sum(events) OVER (ORDER BY slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - events,
            {slice_events:UInt64}) AS slice
    FROM
    (
        SELECT toStartOfFifteenMinutes(time) AS slot, count() AS events
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        GROUP BY slot
    )
)
GROUP BY slice
ORDER BY slice
SETTINGS max_execution_time = 3600
