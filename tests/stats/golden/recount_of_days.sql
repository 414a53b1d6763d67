SELECT toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p0:Int64}), 86400))) AS d0, countIf(type IN {p1:Array(String)}), toUnixTimestamp64Milli(minIf(time, type IN {p1:Array(String)})), toUnixTimestamp64Milli(maxIf(time, type IN {p1:Array(String)})), countIf(type IN {p2:Array(String)}), toUnixTimestamp64Milli(minIf(time, type IN {p2:Array(String)})), toUnixTimestamp64Milli(maxIf(time, type IN {p2:Array(String)})), uniqExactIf(recipient, type IN ('opened') AND recipient != '' AND traffic IN {p3:Array(String)}), countIf(type IN ('clicked') AND recipient = '' AND traffic IN {p4:Array(String)})
FROM events
WHERE workspace = {p5:String}
  AND type IN {p6:Array(String)}
  AND campaign IN {p7:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p8:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p9:Int64}, 'UTC')
GROUP BY d0

-- p0 = 3600
-- p1 = ('opened',)
-- p2 = ('clicked',)
-- p3 = ('human', 'proxy')
-- p4 = ('bot',)
-- p5 = 'shop'
-- p6 = ('clicked', 'opened')
-- p7 = ('spring',)
-- p8 = 1774656000000
-- p9 = 1774656000008
