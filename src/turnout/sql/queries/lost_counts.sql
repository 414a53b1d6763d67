-- Campaigns of which raw has fewer events than the rollup has counted, and how many fewer.
SELECT workspace, campaign, sum(rolled) - sum(raw) AS lost
FROM
(
    SELECT workspace, campaign, toInt64(count()) AS raw, toInt64(0) AS rolled FROM events GROUP BY workspace, campaign
    UNION ALL
    SELECT workspace, campaign, toInt64(0), toInt64(sum(events)) FROM counts GROUP BY workspace, campaign
)
GROUP BY workspace, campaign
HAVING lost > 0
ORDER BY workspace, campaign
LIMIT {limit:UInt32}
