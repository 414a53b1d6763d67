SELECT m0, m1, m2, count() OVER () AS total
FROM (
SELECT sum(m0) AS m0, sum(m1) AS m1, sum(m2) AS m2
FROM (
SELECT toUInt64(0) AS m0, sumIf(events, type IN ('unsubscribed')) AS m1, toUInt64(0) AS m2
FROM counts
WHERE workspace = {p2:String}
  AND type IN {p3:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
UNION ALL
SELECT toUInt64(0) AS m0, countIf(type IN ('unsubscribed')) AS m1, toUInt64(0) AS m2
FROM events
WHERE workspace = {p2:String}
  AND type IN {p3:Array(String)}
  AND ((time >= fromUnixTimestamp64Milli({p4:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p0:Int64}, 'UTC')) OR (time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p5:Int64}, 'UTC')))
UNION ALL
SELECT countIf(bitTest(b0, 0)) AS m0, toUInt64(0) AS m1, countIf(bitTest(b0, 1)) AS m2
FROM (
SELECT groupBitOr(bitShiftLeft(toUInt64(type IN ('sent') AND recipient != '' AND traffic IN {p6:Array(String)}), 0) + bitShiftLeft(toUInt64(type IN ('opened') AND recipient != '' AND traffic IN {p6:Array(String)}), 1)) AS b0
FROM events
WHERE workspace = {p2:String}
  AND type IN {p7:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p4:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p5:Int64}, 'UTC')
GROUP BY recipient
SETTINGS distributed_group_by_no_merge = 1
)
)
)
ORDER BY 1
LIMIT {p8:UInt64} OFFSET {p9:UInt64}

-- p0 = 1774656900000
-- p1 = 1774663200000
-- p2 = 'shop'
-- p3 = ('unsubscribed',)
-- p4 = 1774656000001
-- p5 = 1774663200001
-- p6 = ('human', 'proxy')
-- p7 = ('opened', 'sent')
-- p8 = 1000
-- p9 = 0
