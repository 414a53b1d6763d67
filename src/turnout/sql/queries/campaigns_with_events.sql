-- Every campaign that events name, from raw and rollup, so that what either has lost can be found.
SELECT DISTINCT campaign
FROM
(
    SELECT DISTINCT campaign FROM events WHERE workspace = {workspace:String}
    UNION ALL
    SELECT DISTINCT campaign FROM counts WHERE workspace = {workspace:String}
)
ORDER BY campaign
