SELECT toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p7:Int64}), 86400))) AS d0, countIf(type IN {p5:Array(String)}), countIf(type IN {p6:Array(String)}), uniqExactIf(recipient, type IN ('opened') AND recipient != '' AND traffic IN {p8:Array(String)}), countIf(type IN ('clicked') AND recipient = '' AND traffic IN {p9:Array(String)})
FROM events
WHERE workspace = {p0:String}
  AND type IN {p1:Array(String)}
  AND campaign IN {p2:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
GROUP BY d0
SETTINGS distributed_group_by_no_merge = 1

-- p0 = 'shop'
-- p1 = ('clicked', 'opened')
-- p2 = ('spring',)
-- p3 = 1774656000000
-- p4 = 1774656000008
-- p5 = ('opened',)
-- p6 = ('clicked',)
-- p7 = 3600
-- p8 = ('human', 'proxy')
-- p9 = ('bot',)
