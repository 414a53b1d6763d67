SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sum(m0) AS m0
FROM (
SELECT toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p1:Int64}), 86400)))) AS d0, countIf(type IN ('opened') AND traffic IN {p0:Array(String)}) AS m0
FROM (
SELECT e.type AS type, e.campaign AS campaign, e.recipient AS recipient, e.anonymous AS anonymous, e.message AS message, e.variation AS variation, e.channel AS channel, e.send_id AS send_id, e.profile AS profile, e.detail AS detail, e.goal AS goal, e.amount AS amount, e.currency AS currency, e.order_id AS order_id, e.name AS name, e.duration_ms AS duration_ms, e.product AS product, e.quantity AS quantity, e.url AS url, e.link AS link, e.link_title AS link_title, e.position AS position, e.params AS params, e.ip AS ip, e.country AS country, e.city AS city, e.network AS network, e.device AS device, e.os AS os, e.browser AS browser, e.browser_version AS browser_version, e.traffic AS traffic, e.reasons AS reasons, e.recipient_domain AS recipient_domain, e.id AS id, if(r.of_recipient != '', r.at, e.time) AS time
FROM events AS e
ASOF LEFT JOIN (
SELECT campaign AS of_campaign, recipient AS of_recipient, at, arrayJoin(if(message = '', [''], ['', toString(message)])) AS key
FROM (
SELECT campaign, recipient, message, time AS at
FROM events
WHERE workspace = {p4:String}
  AND campaign IN {p3:Array(String)}
  AND recipient IN (SELECT recipient FROM events WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND campaign IN {p3:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))
  AND type IN ('sent', 'enrolled')
UNION ALL
SELECT campaign, recipient, message, min(time) AS at
FROM events
WHERE workspace = {p4:String}
  AND campaign IN {p3:Array(String)}
  AND recipient IN (SELECT recipient FROM events WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND campaign IN {p3:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))
  AND type = 'impression'
GROUP BY campaign, recipient, message
)
WHERE recipient != '' AND key IN (SELECT message FROM events WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND campaign IN {p3:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))
) AS r
ON e.campaign = r.of_campaign AND e.recipient = r.of_recipient AND e.message = r.key AND e.time >= r.at
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND campaign IN {p3:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
SETTINGS distributed_product_mode = 'local', prefer_column_name_to_alias = 1
)
WHERE time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND campaign IN {p3:Array(String)}
GROUP BY d0
)
GROUP BY d0
HAVING m0 != 0
)
ORDER BY d0 ASC
LIMIT {p6:UInt64} OFFSET {p7:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 0
-- p2 = 1774656000000
-- p3 = ('spring',)
-- p4 = 'shop'
-- p5 = ('opened',)
-- p6 = 1000
-- p7 = 0
