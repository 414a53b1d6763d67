SELECT count()
FROM (
SELECT d0, d1, sum(m0) AS m0, sumMap(m1) AS m1
FROM (
SELECT toString(toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + transform(roundDown(toInt64(toUnixTimestamp(slot)), {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0))), 86400)))) AS d0, campaign AS d1, sumIf(events, type IN ('sent') AND traffic IN {p0:Array(String)}) AS m0, sumMapIf(map(toString(currency), amount), type IN ('purchased') AND currency != '' AND traffic IN {p0:Array(String)}) AS m1
FROM counts
WHERE workspace = {p5:String}
  AND type IN {p6:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
GROUP BY d0, d1
)
GROUP BY d0, d1
HAVING m0 != 0 OR notEmpty(m1)
)

-- p0 = ('human', 'proxy')
-- p1 = (1761440400, 1774746000)
-- p2 = (3600, 7200)
-- p3 = 1774656000000
-- p4 = 1775001600000
-- p5 = 'shop'
-- p6 = ('purchased', 'sent')
