-- Every event of a slice that the rules are about, with the reasons that are found for it now. Reasons are bits.
--
-- What an event is held against may lie outside the slice, by `margin_ms` at most. Of the events that are looked at,
-- facts stay, and so does what the user agent and the address said where they are not kept any more. An event whose
-- class its sender said is not among them, nor one without anything of its request.
--
-- A burst begins at an event after which enough happens within its time, and it flags everything within that time. The
-- frames that look ahead are counted for those recipients and addresses alone that have enough in the whole slice.
INSERT INTO {found:Identifier}
WITH
    held AS
    (
        SELECT id, campaign, message, recipient, type, toUnixTimestamp64Milli(time) AS ms, ip, traffic, reasons,
            rule_version, toString(if(link != '', link, url)) AS leads_to,
            user_agent != '' OR ip != '' OR reasons != 0 OR rule_version != 0 AS said_something,
            if(user_agent = '',
                bitOr(bitAnd(reasons, {agent_bits:UInt32}), if(ip = '', 0, {no_agent:UInt32})),
                bitAnd(joinGet({agents:String}, 'reasons', toString(user_agent)), {agent_bits:UInt32})) AS of_agent,
            user_agent != '' AND bitTest(joinGet({agents:String}, 'reasons', toString(user_agent)), {allowed_at:UInt8})
                AS is_agent_allowed
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
          AND type IN {types:Array(String)}
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64} - {margin_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64} + {margin_ms:Int64}, 'UTC')
    ),
    deliveries AS
    (
        SELECT campaign, message, recipient, toUnixTimestamp64Milli(time) AS ms
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN ('sent', 'delivered')
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64} - {margin_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64} + {margin_ms:Int64}, 'UTC')
          AND recipient != ''
          AND recipient IN (SELECT recipient FROM held WHERE type IN ('opened', 'clicked'))
    ),
    many_links AS
    (
        SELECT campaign, message, recipient
        FROM held
        WHERE type = 'clicked' AND recipient != '' AND leads_to != ''
        GROUP BY campaign, message, recipient
        HAVING uniqExact(leads_to) >= {links:UInt8}
    ),
    link_bursts AS
    (
        SELECT id
        FROM
        (
            SELECT id, ms, maxIf(ms, is_start) OVER (
                PARTITION BY campaign, message, recipient ORDER BY ms RANGE UNBOUNDED PRECEDING
            ) AS start_ms
            FROM
            (
                SELECT id, campaign, message, recipient, ms, length(groupUniqArray({links:UInt8})(leads_to) OVER (
                    PARTITION BY campaign, message, recipient ORDER BY ms
                    RANGE BETWEEN CURRENT ROW AND {links_ms:Int64} FOLLOWING
                )) >= {links:UInt8} AS is_start
                FROM held
                WHERE type = 'clicked' AND leads_to != '' AND (campaign, message, recipient) IN (SELECT * FROM many_links)
            )
        )
        WHERE start_ms > 0 AND ms - start_ms <= {links_ms:Int64}
    ),
    -- A truncated address is a whole network's, and a mailbox's proxy clicks for everybody.
    from_one_place AS
    (
        SELECT id, campaign, ip, recipient, ms
        FROM held
        WHERE type = 'clicked' AND recipient != '' AND ip != '' AND NOT endsWith(ip, '.0') AND NOT endsWith(ip, '::')
          AND NOT bitTest(of_agent, {mail_proxy_at:UInt8})
    ),
    place_bursts AS
    (
        SELECT id
        FROM
        (
            SELECT id, ms, maxIf(ms, is_start) OVER (
                PARTITION BY campaign, ip ORDER BY ms RANGE UNBOUNDED PRECEDING
            ) AS start_ms
            FROM
            (
                SELECT id, campaign, ip, ms, length(groupUniqArray({recipients:UInt8})(recipient) OVER (
                    PARTITION BY campaign, ip ORDER BY ms
                    RANGE BETWEEN CURRENT ROW AND {recipients_ms:Int64} FOLLOWING
                )) >= {recipients:UInt8} AS is_start
                FROM from_one_place
                WHERE (campaign, ip) IN
                (
                    SELECT campaign, ip FROM from_one_place
                    GROUP BY campaign, ip HAVING uniqExact(recipient) >= {recipients:UInt8}
                )
            )
        )
        WHERE start_ms > 0 AND ms - start_ms <= {recipients_ms:Int64}
    ),
    allowed_places AS
    (
        -- Anything may stand in `ip`, and the engine refuses to compare what is no address: in whatever order it does
        -- things, it gets one.
        SELECT ip
        FROM (SELECT DISTINCT ip, isIPv4String(ip) OR isIPv6String(ip) AS is_one FROM held)
        WHERE is_one
          AND arrayExists(network -> isIPAddressInRange(if(is_one, ip, '::'), network), {networks:Array(String)})
    ),
    near AS
    (
        SELECT *,
            -- A delivery stands earlier than it is by what clocks may differ.
            maxIf(ms, is_delivery) OVER before AS delivered_ms,
            maxIf(ms, is_hidden) OVER before AS hidden_before_ms,
            minIf(ms, is_hidden) OVER after AS hidden_after_ms
        FROM
        (
            SELECT id, campaign, message, recipient, type, ms, ip, traffic, reasons, rule_version, said_something,
                of_agent, is_agent_allowed, type = 'clicked' AND bitTest(reasons, {hidden_link_at:UInt8}) AS is_hidden,
                recipient != '' AND type IN ('opened', 'clicked') AS is_of_message, false AS is_delivery
            FROM held
            UNION ALL
            SELECT 0, campaign, message, recipient, '', ms - {skew_ms:Int64}, '', '', 0, 0, false, 0, false, false, false, true
            FROM deliveries
        )
        WINDOW
            before AS (PARTITION BY campaign, message, recipient ORDER BY ms RANGE UNBOUNDED PRECEDING),
            after AS (PARTITION BY campaign, message, recipient ORDER BY ms DESC RANGE UNBOUNDED PRECEDING)
    )
SELECT
    id, campaign, type, ms, traffic, reasons AS had, rule_version AS had_version,
    bitAnd(reasons, {facts:UInt32})
    + of_agent
    + {allowed:UInt32} * (is_agent_allowed OR ip IN (SELECT ip FROM allowed_places)
        OR ({keeps_allowed:UInt8} AND bitTest(reasons, {allowed_at:UInt8})
            AND (ip = '' OR endsWith(ip, '.0') OR endsWith(ip, '::'))))
    + {soon_after_delivery:UInt32} * (is_of_message AND delivered_ms > 0
        AND ms - delivered_ms - {skew_ms:Int64} <= if(type = 'opened', {opened_ms:Int64}, {clicked_ms:Int64}))
    + {many_links_at_once:UInt32} * (type = 'clicked' AND id IN (SELECT id FROM link_bursts))
    + {near_hidden_link:UInt32} * (is_of_message AND NOT is_hidden
        AND ((hidden_before_ms > 0 AND ms - hidden_before_ms <= {hidden_ms:Int64})
            OR (hidden_after_ms > 0 AND hidden_after_ms - ms <= {hidden_ms:Int64})))
    + {many_recipients_at_once:UInt32} * (type = 'clicked' AND id IN (SELECT id FROM place_bursts)) AS found
FROM near
WHERE NOT is_delivery AND said_something AND ms >= {from_ms:Int64} AND ms < {to_ms:Int64}
  AND NOT bitTest(reasons, {said_at:UInt8})
  -- Before there were rules, only its sender gave an event a class.
  AND NOT (rule_version = 0 AND traffic != 'human')
