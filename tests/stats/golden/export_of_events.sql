SELECT concat('turnout:', lower(hex(reinterpretAsFixedString(id)))) AS `id`, toString(type) AS `type`, concat(replaceOne(toString(time), ' ', 'T'), 'Z') AS `time`, toString(campaign) AS `campaign`, toString(message) AS `message`, toString(variation) AS `variation`, toString(channel) AS `channel`, recipient AS `recipient`, anonymous AS `anonymous`, toString(send_id) AS `send_id`, toString(profile) AS `profile`, if(type = 'sent' AND detail != '', toBool(detail = 'opted_in'), NULL) AS `opted_in`, if(type = 'bounced', toString(detail), '') AS `bounce`, if(type IN ('rejected', 'failed'), toString(detail), '') AS `failure`, if(type = 'opened', toString(detail), '') AS `open`, if(type = 'clicked', toString(detail), '') AS `target`, if(type = 'replied', toString(detail), '') AS `keyword`, url AS `url`, toString(link) AS `link`, toString(link_title) AS `link_title`, position AS `position`, if(currency != '', toString(amount), NULL) AS `amount`, toString(currency) AS `currency`, order_id AS `order`, toString(name) AS `name`, goal AS `goal`, if(type = 'watched' OR duration_ms != 0, duration_ms / 1000, NULL) AS `duration_s`, toString(product) AS `product`, if(type IN ('banner_clicked', 'chatted', 'liked', 'product_clicked') OR quantity != 0, quantity, NULL) AS `quantity`, params AS `params`, properties AS `properties`, ip AS `ip`, toString(user_agent) AS `user_agent`, toString(country) AS `country`, toString(city) AS `city`, toString(network) AS `network`, toString(device) AS `device`, toString(os) AS `os`, toString(browser) AS `browser`, toString(browser_version) AS `browser_version`, toString(traffic) AS `traffic`, if(bitAnd(reasons, 4294967294) = 0, '', toJSONString(arrayMap(bit -> ['said', 'head_request', 'prefetch_header', 'hidden_link', 'allowed', 'mail_proxy', 'link_preview', 'known_scanner', 'known_bot', 'http_client', 'headless_browser', 'no_agent', 'bare_agent', 'soon_after_delivery', 'many_links_at_once', 'near_hidden_link', 'many_recipients_at_once'][bit + 1], bitPositionsToArray(bitAnd(reasons, 4294967294))))) AS `reasons`, if(bitTest(reasons, 0) OR (user_agent = '' AND ip = '' AND reasons = 0), 0, greatest(rule_version, 1)) AS `rule_version`
FROM events
WHERE workspace = {p1:String}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND campaign IN {p3:Array(String)}
  AND traffic IN {p4:Array(String)}
  AND type IN {p0:Array(String)}
ORDER BY workspace, campaign, type, time
SETTINGS prefer_column_name_to_alias = 1

-- p0 = ('sent', 'opened')
-- p1 = 'shop'
-- p2 = 1774656000000
-- p3 = ('spring',)
-- p4 = ('human',)
