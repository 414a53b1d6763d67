SELECT d0, d1, m0, m1, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0, sumMap(m1) AS m1
FROM (
SELECT toString(toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + transform(roundDown(toInt64(toUnixTimestamp(slot)), {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0))), 86400)))) AS d0, campaign AS d1, sumIf(events, type IN ('sent') AND traffic IN {p0:Array(String)}) AS m0, sumMapIf(map(toString(currency), amount), type IN ('purchased', 'converted') AND (campaign != '' AND (type = 'purchased' OR goal = 0)) AND currency != '' AND traffic IN {p0:Array(String)}) AS m1
FROM counts
WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p5:Int64}, 'UTC')
GROUP BY d0, d1
)
GROUP BY d0, d1
HAVING m0 != 0 OR notEmpty(m1)
)
ORDER BY d0 ASC, d1 ASC
LIMIT {p6:UInt64} OFFSET {p7:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = (1761440400, 1774746000, 1792890000, 1806195600, 1824944400, 1837645200, 1856394000, 1869094800, 1887843600, 1901149200, 1919293200, 1932598800, 1950742800, 1964048400, 1982797200, 1995498000, 2014246800, 2026947600, 2045696400, 2058397200, 2077146000, 2090451600, 2108595600, 2121901200, 2140045200, 2153350800, 2172099600, 2184800400, 2203549200, 2216250000, 2234998800, 2248304400, 2266448400, 2279754000, 2297898000, 2311203600, 2329347600, 2342653200, 2361402000, 2374102800, 2392851600, 2405552400, 2424301200, 2437606800, 2455750800, 2469056400, 2487200400, 2500506000, 2519254800)
-- p2 = (3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600, 7200, 3600)
-- p3 = 'shop'
-- p4 = ('converted', 'purchased', 'sent')
-- p5 = 1774656000000
-- p6 = 1000
-- p7 = 0
