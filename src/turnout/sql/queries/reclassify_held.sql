-- The events of a slice that rules are about, and those near it, as far as rules look at them: reasons are bits, and
-- whose an event is, where it led and where it came from are hashes.
--
-- What the user agent and the address said stays where they are not kept any more. An event is looked at if it is in
-- the slice, if anything is known of its request, and if its sender has not said its class; the others are evidence.
INSERT INTO {held:Identifier}
SELECT
    id, campaign, type, toUnixTimestamp64Milli(time) AS at,
    if(recipient = '', 0, reinterpretAsUInt128(sipHash128(campaign, message, recipient))) AS person,
    cityHash64(recipient) AS reader,
    -- A truncated address is a whole network's, and a mailbox's proxy clicks for everybody.
    if(type != 'clicked' OR recipient = '' OR ip = '' OR is_cut OR bitAnd(of_agent, {mail_proxy:UInt32}) != 0, 0,
        reinterpretAsUInt128(sipHash128(campaign, ip))) AS place,
    if(type != 'clicked' OR (link = '' AND url = ''), 0, cityHash64(if(link != '', toString(link), url))) AS leads_to,
    traffic, reasons, rule_version,
    at >= {from_ms:Int64} AND at < {to_ms:Int64}
        AND (user_agent != '' OR ip != '' OR reasons != 0 OR rule_version != 0)
        AND bitAnd(reasons, {said:UInt32}) = 0
        -- Before there were rules, only its sender gave an event a class.
        AND NOT (rule_version = 0 AND traffic != 'human') AS is_looked_at,
    bitAnd(reasons, {facts:UInt32}) + bitAnd(of_agent, {agent_bits:UInt32}) + {allowed:UInt32} * (
        bitAnd(of_agent, {allowed:UInt32}) != 0
        OR ip IN
        (
            -- Anything may stand in `ip`, and the engine refuses to compare what is no address: in whatever order it
            -- does things, it gets one.
            SELECT address
            FROM
            (
                SELECT DISTINCT ip AS address, isIPv4String(ip) OR isIPv6String(ip) AS is_one
                FROM events
                WHERE notEmpty({networks:Array(String)})
                  AND workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
                  AND type IN {types:Array(String)}
                  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                  AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
            )
            WHERE is_one
              -- Of a truncated one a network that is smaller than what was cut off says nothing.
              AND arrayExists(
                  network -> isIPAddressInRange(if(is_one, address, '::'), network),
                  if(endsWith(address, '.0') OR endsWith(address, '::'),
                      {wide_networks:Array(String)}, {networks:Array(String)})
              )
        )
        OR ({keeps_allowed:UInt8} AND (ip = '' OR is_cut) AND bitAnd(reasons, {allowed:UInt32}) != 0)
    ) AS standing
FROM
(
    SELECT *,
        endsWith(ip, '.0') OR endsWith(ip, '::') AS is_cut,
        if(user_agent = '',
            bitOr(bitAnd(reasons, {agent_bits:UInt32}), if(ip = '', 0, {no_agent:UInt32})),
            joinGet({agents:String}, 'reasons', toString(user_agent))) AS of_agent
    FROM
    (
        -- Shards of a cluster give what they have; what is known of user agents is only where the tables are.
        SELECT id, campaign, type, time, message, recipient, ip, user_agent, link, url, traffic, reasons, rule_version
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN {types:Array(String)}
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64} - {margin_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64} + {margin_ms:Int64}, 'UTC')
    )
)
