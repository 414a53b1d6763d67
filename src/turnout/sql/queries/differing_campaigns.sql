-- Of these workspaces and campaigns, those whose rollup is not what raw says; see differing_counts.sql.
SELECT DISTINCT workspace, campaign
FROM
(
    SELECT workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot, traffic, channel, message, variation,
        profile, detail, goal, currency,
        toInt64(count()) AS n, toInt64(sum(toUInt64(quantity))) AS q, toInt64(sum(toUInt64(duration_ms))) AS d,
        sum(toDecimal128(amount, 6)) AS a
    FROM events
    WHERE workspace IN {workspaces:Array(String)} AND campaign IN {campaigns:Array(String)}
    GROUP BY ALL
    UNION ALL
    SELECT workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency,
        -toInt64(sum(events)), -toInt64(sum(quantity)), -toInt64(sum(duration_ms)), -sum(amount)
    FROM counts
    WHERE workspace IN {workspaces:Array(String)} AND campaign IN {campaigns:Array(String)}
    GROUP BY ALL
)
GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency
HAVING sum(n) != 0 OR sum(q) != 0 OR sum(d) != 0 OR sum(a) != 0
ORDER BY workspace, campaign
