-- Campaigns whose viewers have intervals that overlap: how many viewers, and the time that counts more than once. One of
-- some parts of the viewers by their hash, which bounds the memory.
SELECT campaign, count(), sum(overlap_ms)
FROM
(
    SELECT campaign, recipient, sum(until_ms - from_ms) - intervalLengthSum(from_ms, until_ms) AS overlap_ms
    FROM
    (
        SELECT campaign, recipient, toUnixTimestamp64Milli(time) AS until_ms, until_ms - toInt64(duration_ms) AS from_ms
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type = 'watched'
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
          AND recipient != '' AND duration_ms > 0
          AND ({parts:UInt64} <= 1 OR cityHash64(recipient) % greatest({parts:UInt64}, 1) = {part:UInt64})
    )
    GROUP BY campaign, recipient
    HAVING overlap_ms > 0
)
GROUP BY campaign
ORDER BY campaign
SETTINGS max_execution_time = 3600
