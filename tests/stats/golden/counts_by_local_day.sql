SELECT d0, d1, m0, m1, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0, sumMap(m1) AS m1
FROM (
SELECT toString(toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + transform(roundDown(toInt64(toUnixTimestamp(slot)), {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0))), 86400)))) AS d0, campaign AS d1, sumIf(events, type IN ('sent') AND traffic IN {p0:Array(String)}) AS m0, CAST(map(), 'Map(String, Decimal(38, 6))') AS m1
FROM counts
WHERE workspace = {p5:String}
  AND type IN {p6:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
GROUP BY d0, d1
UNION ALL
SELECT toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + transform(roundDown(intDiv(toUnixTimestamp64Milli(time), 1000), {p1:Array(Int64)}), {p1:Array(Int64)}, {p2:Array(Int64)}, toInt64(0))), 86400)))) AS d0, campaign AS d1, toUInt64(0) AS m0, sumMapIf(map(toString(currency), toDecimal128(amount, 6)), (kind = '' AND type IN ('purchased', 'converted') AND (campaign != '' AND (type = 'purchased' OR goal = 0)) AND currency != '' AND traffic IN {p0:Array(String)} OR kind = 'revenue' AND currency != '')) AS m1
FROM (
SELECT type, campaign, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, params, ip, country, device, browser, traffic, recipient_domain, id, time, '' AS kind
FROM (
SELECT type, campaign, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, params, ip, country, device, browser, traffic, recipient_domain, id, time
FROM events
WHERE workspace = {p5:String}
  AND type IN {p8:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
  AND ((type IN ('purchased', 'converted') AND (campaign != '' AND (type = 'purchased' OR goal = 0)) AND currency != '' AND traffic IN {p0:Array(String)}))
  AND NOT (type = 'purchased' AND order_id != '' AND id IN (
SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2
FROM events
WHERE workspace = {p5:String}
  AND campaign != ''
  AND type = 'purchased'
  AND order_id != ''
  AND traffic IN {p0:Array(String)}
GROUP BY campaign, order_id
HAVING count() > 1
))
)
UNION ALL
SELECT '' AS type, campaign AS campaign, recipient AS recipient, 0 AS anonymous, message AS message, variation AS variation, channel AS channel, send_id AS send_id, profile AS profile, '' AS detail, 0 AS goal, amount AS amount, currency AS currency, '' AS order_id, '' AS name, 0 AS duration_ms, '' AS product, 0 AS quantity, '' AS url, '' AS link, '' AS link_title, '' AS params, '' AS ip, '' AS country, '' AS device, '' AS browser, traffic AS traffic, if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '') AS recipient_domain, 0 AS id, time AS time, kind
FROM credits
WHERE fill IN {p7:Array(UInt64)}
)
WHERE time >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
GROUP BY d0, d1
)
GROUP BY d0, d1
HAVING m0 != 0 OR notEmpty(m1)
)
ORDER BY d0 ASC, d1 ASC
LIMIT {p9:UInt64} OFFSET {p10:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = (1761440400, 1774746000)
-- p2 = (3600, 7200)
-- p3 = 1774656000000
-- p4 = 1775001600000
-- p5 = 'shop'
-- p6 = ('sent',)
-- p7 = ()
-- p8 = ('converted', 'purchased')
-- p9 = 1000
-- p10 = 0
