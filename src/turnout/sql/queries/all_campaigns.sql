-- Every campaign that raw or rollup know of, by workspace.
SELECT workspace, groupUniqArray(campaign)
FROM (SELECT DISTINCT workspace, campaign FROM events UNION ALL SELECT DISTINCT workspace, campaign FROM counts)
GROUP BY workspace
ORDER BY workspace
