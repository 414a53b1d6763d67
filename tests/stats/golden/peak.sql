SELECT m0, count() OVER () AS total
FROM (
SELECT sum(m0) AS m0
FROM (
SELECT toUInt64(maxIntersections(span.1, span.2)) AS m0
FROM (
SELECT (s, e) AS span
FROM (
SELECT arrayJoin(spans) AS span, span.1 AS s, span.2 AS e
FROM (
WITH toUnixTimestamp64Milli(time) - toInt64(duration_ms) AS s, least(toUnixTimestamp64Milli(time), {p1:Int64}) AS e, arraySort(arrayConcat(groupArray((s, toInt8(1))), groupArray((e, toInt8(-1))))) AS turns, arrayCumSum(turns.2) AS depths
SELECT arrayZip(arrayFilter((turn, depth) -> turn.2 = 1 AND depth = 1, turns, depths).1, arrayFilter((turn, depth) -> depth = 0, turns, depths).1) AS spans
FROM events
WHERE workspace = {p2:String}
  AND type IN ('watched') AND recipient != '' AND traffic IN {p0:Array(String)}
  AND time < fromUnixTimestamp64Milli({p3:Int64}, 'UTC')
  AND campaign IN {p4:Array(String)}
  AND s < e
GROUP BY recipient
SETTINGS distributed_group_by_no_merge = 1
)
)
)
)
)
ORDER BY 1
LIMIT {p5:UInt64} OFFSET {p6:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 1774656000000
-- p2 = 'shop'
-- p3 = 1775260800000
-- p4 = ('show',)
-- p5 = 1000
-- p6 = 0
