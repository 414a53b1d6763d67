SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sumMap(m0) AS m0
FROM (
SELECT campaign AS d0, sumMapIf(map(toString(currency), toDecimal128(amount, 6)), (kind = '' AND type IN ('purchased', 'converted') AND (campaign != '' AND (type = 'purchased' OR goal = 0)) AND currency != '' AND traffic IN {p0:Array(String)} OR kind = 'revenue' AND currency != '')) AS m0
FROM (
SELECT type, campaign, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, position, params, ip, country, city, network, device, os, browser, browser_version, traffic, reasons, recipient_domain, id, time, '' AS kind
FROM (
SELECT type, campaign, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, position, params, ip, country, city, network, device, os, browser, browser_version, traffic, reasons, recipient_domain, id, time
FROM events
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND ((type IN ('purchased', 'converted') AND (campaign != '' AND (type = 'purchased' OR goal = 0)) AND currency != '' AND traffic IN {p0:Array(String)}))
  AND NOT (type = 'purchased' AND order_id != '' AND id GLOBAL IN (
SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2
FROM events
WHERE workspace = {p4:String}
  AND campaign != ''
  AND type = 'purchased'
  AND order_id != ''
  AND traffic IN {p0:Array(String)}
GROUP BY campaign, order_id
HAVING count() > 1
))
)
UNION ALL
SELECT '' AS type, campaign AS campaign, recipient AS recipient, 0 AS anonymous, message AS message, variation AS variation, channel AS channel, send_id AS send_id, profile AS profile, '' AS detail, 0 AS goal, amount AS amount, currency AS currency, '' AS order_id, '' AS name, 0 AS duration_ms, '' AS product, 0 AS quantity, '' AS url, '' AS link, '' AS link_title, 0 AS position, '' AS params, '' AS ip, '' AS country, '' AS city, '' AS network, '' AS device, '' AS os, '' AS browser, '' AS browser_version, traffic AS traffic, 0 AS reasons, if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '') AS recipient_domain, 0 AS id, time AS time, kind
FROM credits
WHERE fill IN {p3:Array(UInt64)}
)
WHERE time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
GROUP BY d0
)
GROUP BY d0
HAVING notEmpty(m0)
)
ORDER BY d0 ASC
LIMIT {p6:UInt64} OFFSET {p7:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 1774656000000
-- p2 = 1774742400000
-- p3 = (9,)
-- p4 = 'shop'
-- p5 = ('converted', 'purchased')
-- p6 = 1000
-- p7 = 0
