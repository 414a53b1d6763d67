SELECT d0, d1, m0, m1, m2, m3, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0, sum(m1) AS m1, sum(m2) AS m2, sum(m3) AS m3
FROM (
SELECT variation AS d0, if(link != '', toString(link), url) AS d1, countIf(type IN ('sent')) AS m0, toUInt64(0) AS m1, toUInt64(0) AS m2, countIf(type IN ('unsubscribed')) AS m3
FROM events
WHERE workspace = {p6:String}
  AND type IN {p7:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  AND campaign IN {p2:Array(String)}
  AND toString(toMonday(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + transform(roundDown(intDiv(toUnixTimestamp64Milli(time), 1000), {p3:Array(Int64)}), {p3:Array(Int64)}, {p4:Array(Int64)}, toInt64(0))), 86400))))) IN {p5:Array(String)}
GROUP BY d0, d1
UNION ALL
SELECT variation AS d0, if(link != '', toString(link), url) AS d1, toUInt64(0) AS m0, uniqExactIf(recipient, type IN ('opened') AND recipient != '') AS m1, uniqExactIf(recipient, type IN ('delivered') AND recipient != '') AS m2, toUInt64(0) AS m3
FROM events
WHERE workspace = {p6:String}
  AND type IN {p8:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  AND campaign IN {p2:Array(String)}
  AND toString(toMonday(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + transform(roundDown(intDiv(toUnixTimestamp64Milli(time), 1000), {p3:Array(Int64)}), {p3:Array(Int64)}, {p4:Array(Int64)}, toInt64(0))), 86400))))) IN {p5:Array(String)}
GROUP BY d0, d1
SETTINGS distributed_group_by_no_merge = 1
)
GROUP BY d0, d1
HAVING m0 != 0 OR m1 != 0 OR m2 != 0 OR m3 != 0
)
ORDER BY if(m2 = 0, NULL, m1 / m2) DESC NULLS LAST, d1 ASC NULLS LAST, d0 ASC
LIMIT {p9:UInt64} OFFSET {p10:UInt64}

-- p0 = 1774656000000
-- p1 = 1774828800000
-- p2 = ('spring', "o'hara\\")
-- p3 = (1761440400, 1774746000)
-- p4 = (3600, 7200)
-- p5 = ('2026-03-23',)
-- p6 = 'shop'
-- p7 = ('sent', 'unsubscribed')
-- p8 = ('delivered', 'opened')
-- p9 = 10
-- p10 = 20
