-- Where rollup and raw disagree: raw counts up, the rollup counts down, and every cell must end at zero.
SELECT campaign, type, toUnixTimestamp(slot) AS slot_s, sum(raw_events) AS raw_events, sum(rolled_events) AS rolled_events
FROM
(
    SELECT campaign, type, toStartOfFifteenMinutes(time) AS slot, traffic, channel, message, variation, profile, detail,
        goal, currency, toInt64(count()) AS raw_events, toInt64(0) AS rolled_events,
        toInt64(sum(toUInt64(quantity))) AS q, toInt64(sum(toUInt64(duration_ms))) AS d, sum(toDecimal128(amount, 6)) AS a
    FROM events
    WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
      AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY ALL
    UNION ALL
    SELECT campaign, type, slot, traffic, channel, message, variation, profile, detail,
        goal, currency, toInt64(0), toInt64(sum(events)), -toInt64(sum(quantity)), -toInt64(sum(duration_ms)), -sum(amount)
    FROM counts
    WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
      AND slot >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    GROUP BY ALL
)
GROUP BY campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency
HAVING raw_events != rolled_events OR sum(q) != 0 OR sum(d) != 0 OR sum(a) != 0
ORDER BY campaign, type, slot_s
LIMIT {limit:UInt32}
