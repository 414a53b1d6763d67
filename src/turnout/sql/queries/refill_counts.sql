-- Makes the rollup of some campaigns and slots anew from raw (after it was cleared).
-- Keep the SELECT equal to the view of migrations/0002_counts.sql.
INSERT INTO counts
SELECT
    workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot,
    traffic, channel, message, variation, profile, detail, goal, currency,
    count() AS events,
    sum(toUInt64(e.quantity)) AS quantity,
    sum(toUInt64(e.duration_ms)) AS duration_ms,
    sum(toDecimal128(e.amount, 6)) AS amount,
    min(time) AS first_time,
    max(time) AS last_time
FROM events AS e
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency
