SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sum(m0) AS m0
FROM (
SELECT toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p1:Int64}), 86400)))) AS d0, count() AS m0
FROM (
SELECT recipient, first_type AS type, first_campaign AS campaign, first_anonymous AS anonymous, first_message AS message, first_variation AS variation, first_channel AS channel, first_send_id AS send_id, first_profile AS profile, first_detail AS detail, first_goal AS goal, first_amount AS amount, first_currency AS currency, first_order_id AS order_id, first_name AS name, first_duration_ms AS duration_ms, first_product AS product, first_quantity AS quantity, first_url AS url, first_link AS link, first_link_title AS link_title, first_position AS position, first_params AS params, first_ip AS ip, first_country AS country, first_city AS city, first_network AS network, first_device AS device, first_os AS os, first_browser AS browser, first_browser_version AS browser_version, first_traffic AS traffic, first_reasons AS reasons, first_recipient_domain AS recipient_domain, first_id AS id, first_time AS time
FROM (
SELECT recipient, argMin(type, (time, id)) AS first_type, argMin(campaign, (time, id)) AS first_campaign, argMin(anonymous, (time, id)) AS first_anonymous, argMin(message, (time, id)) AS first_message, argMin(variation, (time, id)) AS first_variation, argMin(channel, (time, id)) AS first_channel, argMin(send_id, (time, id)) AS first_send_id, argMin(profile, (time, id)) AS first_profile, argMin(detail, (time, id)) AS first_detail, argMin(goal, (time, id)) AS first_goal, argMin(amount, (time, id)) AS first_amount, argMin(currency, (time, id)) AS first_currency, argMin(order_id, (time, id)) AS first_order_id, argMin(name, (time, id)) AS first_name, argMin(duration_ms, (time, id)) AS first_duration_ms, argMin(product, (time, id)) AS first_product, argMin(quantity, (time, id)) AS first_quantity, argMin(url, (time, id)) AS first_url, argMin(link, (time, id)) AS first_link, argMin(link_title, (time, id)) AS first_link_title, argMin(position, (time, id)) AS first_position, argMin(params, (time, id)) AS first_params, argMin(ip, (time, id)) AS first_ip, argMin(country, (time, id)) AS first_country, argMin(city, (time, id)) AS first_city, argMin(network, (time, id)) AS first_network, argMin(device, (time, id)) AS first_device, argMin(os, (time, id)) AS first_os, argMin(browser, (time, id)) AS first_browser, argMin(browser_version, (time, id)) AS first_browser_version, argMin(traffic, (time, id)) AS first_traffic, argMin(reasons, (time, id)) AS first_reasons, argMin(recipient_domain, (time, id)) AS first_recipient_domain, argMin(id, (time, id)) AS first_id, min(time) AS first_time
FROM events
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND type IN ('app_opened') AND recipient != '' AND traffic IN {p0:Array(String)}
  AND recipient != ''
  AND recipient IN (SELECT recipient FROM events WHERE 1 AND workspace = {p4:String} AND type IN {p5:Array(String)} AND type IN ('app_opened') AND recipient != '' AND traffic IN {p0:Array(String)} AND recipient != '' AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC') AND notEmpty(arrayFilter(pair -> pair.1 IN {p3:Array(String)}, arrayMap(pair -> (pair.1, if(startsWith(pair.2, '"'), JSONExtractString(pair.2), pair.2)), JSONExtractKeysAndValuesRaw(params)))))
GROUP BY recipient
SETTINGS distributed_group_by_no_merge = 1, distributed_product_mode = 'local'
)
)
WHERE time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND notEmpty(arrayFilter(pair -> pair.1 IN {p3:Array(String)}, arrayMap(pair -> (pair.1, if(startsWith(pair.2, '"'), JSONExtractString(pair.2), pair.2)), JSONExtractKeysAndValuesRaw(params))))
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
-- p3 = ('ref',)
-- p4 = 'shop'
-- p5 = ('app_opened',)
-- p6 = 1000
-- p7 = 0
