SELECT d0, d1, m0, m1, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0, sum(m1) AS m1
FROM (
SELECT campaign AS d0, (((toInt64(toUnixTimestamp(slot)) + {p1:Int64}) - (toInt64(toUnixTimestamp(slot)) + {p1:Int64}) % 3600 - {p1:Int64}) * 4096 + intDiv({p1:Int64}, 60) + 1024) AS d1, sumIf(toUInt64(duration_ms), type IN ('watched') AND traffic IN {p0:Array(String)}) AS m0, toUInt64(0) AS m1
FROM counts
WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND toString(toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + {p1:Int64}), 86400)))) IN {p2:Array(String)}
GROUP BY d0, d1
UNION ALL
SELECT d0, d1, toUInt64(0) AS m0, toUInt64(maxIntersections(span.1, span.2)) AS m1
FROM (
SELECT d0, (((intDiv(s, 1000) + {p1:Int64}) - (intDiv(s, 1000) + {p1:Int64}) % 3600 - {p1:Int64}) * 4096 + intDiv({p1:Int64}, 60) + 1024) AS d1, (s, e) AS span
FROM (
SELECT d0, greatest(from_, cut * {p7:Int64} - offset) AS s, least(to_, (cut + 1) * {p7:Int64} - offset) AS e
FROM (
SELECT d0, from_, to_, offset, arrayJoin(range(intDiv(from_ + offset, {p7:Int64}), intDiv(to_ + offset - 1, {p7:Int64}) + 1)) AS cut
FROM (
SELECT d0, greatest(s, piece.1) AS from_, least(e, piece.2) AS to_, piece.3 AS offset
FROM (
SELECT d0, s, e, arrayJoin(arrayFilter(one -> one.1 < e AND one.2 > s, arrayZip({p5:Array(Int64)}, {p6:Array(Int64)}, {p5:Array(Int64)}))) AS piece
FROM (
SELECT d0, arrayJoin(spans) AS span, span.1 AS s, span.2 AS e
FROM (
WITH toUnixTimestamp64Milli(time) - toInt64(duration_ms) AS s, toUnixTimestamp64Milli(time) AS e, arraySort(arrayConcat(groupArray((s, toInt8(1))), groupArray((e, toInt8(-1))))) AS turns, arrayCumSum(turns.2) AS depths
SELECT campaign AS d0, arrayZip(arrayFilter((turn, depth) -> turn.2 = 1 AND depth = 1, turns, depths).1, arrayFilter((turn, depth) -> depth = 0, turns, depths).1) AS spans
FROM events
WHERE workspace = {p3:String}
  AND type IN ('watched') AND recipient != '' AND traffic IN {p0:Array(String)}
  AND s < e
GROUP BY d0, recipient
SETTINGS distributed_group_by_no_merge = 1
)
)
)
)
)
WHERE toString(toDate(toUInt16(intDiv((intDiv(s, 1000) + {p1:Int64}), 86400)))) IN {p2:Array(String)}
)
)
GROUP BY d0, d1
)
GROUP BY d0, d1
HAVING m0 != 0 OR m1 != 0
)
ORDER BY d0 ASC, d1 ASC
LIMIT {p8:UInt64} OFFSET {p9:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 0
-- p2 = ('2026-03-28',)
-- p3 = 'shop'
-- p4 = ('watched',)
-- p5 = (0,)
-- p6 = (9007199254740992,)
-- p7 = 3600000
-- p8 = 1000
-- p9 = 0
