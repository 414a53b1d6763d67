-- What is kept, the newest first; two of one cell may not have met in a merge yet.
SELECT
    workspace, campaigns, condition,
    if(types = '', [], splitByChar(' ', toString(types))),
    if(traffic = '', [], splitByChar(' ', toString(traffic))),
    unit, first_ms, last_ms, events, number
FROM uniques
ORDER BY kept DESC
LIMIT {limit:UInt64}
