-- sql/queries/clear_context.sql
ALTER TABLE `turnout`.events_local ON CLUSTER 'main' UPDATE ip = '', user_agent = '', city = '', network = '', properties = ''
WHERE workspace = {workspace:String} AND time < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
    AND (ip != '' OR user_agent != '' OR city != '' OR network != '' OR properties != '')
SETTINGS mutations_sync = 2;

-- sql/queries/clear_counts.sql
DELETE FROM `turnout`.counts_local ON CLUSTER 'main'
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND slot >= fromUnixTimestamp({from_s:UInt32}) AND slot < fromUnixTimestamp({to_s:UInt32});

-- sql/queries/credit.sql
INSERT INTO credits
    (fill, kind, recipient, time, placed, campaign, channel, message, variation, send_id, profile, traffic, amount, currency)
WITH
    orders AS
    (
        SELECT id, time, order_id
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {named:Array(String)} AND type = {event:String}
          AND ({name:String} = '' OR name = {name:String}) AND recipient != '' AND traffic IN {traffic:Array(String)}
          AND order_id != ''
    ),
    repeats AS
    (
        SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2
        FROM orders
        WHERE order_id GLOBAL IN (SELECT order_id FROM orders GROUP BY order_id HAVING count() > 1)
        GROUP BY order_id
    ),
    -- Orders that the campaign earns by its own events, where what is done names none.
    own_orders AS
    (
        SELECT order_id FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND order_id != '' AND currency != ''
          AND (type = 'purchased' OR type = 'converted' AND goal = 0) AND traffic IN {traffic:Array(String)}
          AND NOT has({named:Array(String)}, {campaign:String})
    ),
    recipients AS
    (
        WITH
            toFixedString('', 16) AS none,
            toUnixTimestamp64Milli(time) AS at,
            murmurHash3_128(channel, message, variation, send_id, profile, traffic) AS of,
            campaign = {campaign:String} AS own,
            traffic IN {traffic:Array(String)} AS counted,
            own AND counted AND type IN {touches:Array(String)} AS is_touch,
            campaign IN {named:Array(String)} AND counted AND type = {event:String}
                AND ({name:String} = '' OR name = {name:String})
                AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
                AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
                AND (order_id = '' OR (id GLOBAL NOT IN repeats AND order_id GLOBAL NOT IN own_orders)) AS is_done,
            own AND counted AND type = {bar:String} AND (goal = {goal:UInt8} OR type != 'converted') AS is_bar,
            -- A touch by sending is itself the message received; of others it is looked for.
            own AND NOT {sends:Bool} AND type IN ('sent', 'enrolled', 'impression') AS is_received,
            toString(message) AS named,
            -- A card that is seen again and again was received once, and for a touch is one of its message and sending.
            if(has({touches:Array(String)}, 'impression') AND type = 'impression',
                murmurHash3_128(message, send_id), none) AS card,
            arraySort(groupArrayIf((at, of, if({sends:Bool}, '', named), card), is_touch)) AS seen,
            if(NOT has({touches:Array(String)}, 'impression'), seen,
                arrayFilter((s, n) -> n = 1 OR s.4 = none, seen, arrayEnumerateUniq(seen.4))) AS touched,
            arraySort(groupArrayIf((at, amount, toString(currency)), is_done)) AS did,
            -- Each touch reaches to the next one.
            arrayPushBack(arrayPopFront(touched), (toInt64(9007199254740991), none, '', none)) AS next,
            arrayFilter(pair -> pair.1.1 > 0 AND pair.2.1 > 0 AND pair.2.1 - pair.1.1 <= {window:Int64},
                if({every:Bool},
                    arrayMap(d -> (arrayLast(t -> t.1 <= d.1, touched), d), did),
                    arrayMap((t, n) -> (t, arrayFirst(d -> d.1 >= t.1 AND d.1 < n.1, did)), touched, next))) AS pairs,
            arraySort(groupArrayIf((at, named, type = 'impression'), is_received)) AS came
        SELECT recipient, touched, did, pairs, groupArrayIf(at, is_bar) AS bars,
            arrayFilter((r, n) -> n = 1 OR NOT r.3, came, arrayEnumerateUniq(came.2, came.3)) AS received
        FROM events
        WHERE workspace = {workspace:String} AND recipient != '' AND (is_touch OR is_done OR is_bar OR is_received)
          AND ({parts:UInt64} <= 1 OR cityHash64(recipient) % greatest({parts:UInt64}, 1) = {part:UInt64})
        GROUP BY recipient
        HAVING notEmpty(touched) AND notEmpty(did) AND notEmpty(pairs)
        SETTINGS distributed_group_by_no_merge = 1
    ),
    paired AS
    (
        SELECT recipient, received, did, bars, touched, arrayJoin(pairs) AS pair, pair.1.1 AS touched_at FROM recipients
    ),
    credited AS
    (
        SELECT recipient, touched_at, pair.1.2 AS of, pair.2.1 AS at, pair.2.2 AS amount, pair.2.3 AS currency,
            arrayMax(arrayMap(r -> r.1, arrayFilter(
                r -> r.1 <= touched_at AND (pair.1.3 = '' OR r.2 = pair.1.3), received))) AS received_at
        FROM paired
        WHERE {every:Bool} OR NOT (
            arrayExists(b -> b >= touched_at AND arrayAll(n -> n.1 <= touched_at OR b < n.1, touched), bars)
            OR arrayExists(d -> d.1 < touched_at AND d.1 >= touched_at - {quiet:Int64}, did))
    )
SELECT {fill:UInt64}, {kind:String}, recipient, fromUnixTimestamp64Milli(at, 'UTC'),
    fromUnixTimestamp64Milli(if(received_at > 0, received_at, touched_at), 'UTC'),
    {campaign:String}, channel, message, variation, send_id, profile, traffic, amount, currency
FROM credited AS c
INNER JOIN
(
    SELECT channel, message, variation, send_id, profile, traffic,
        murmurHash3_128(channel, message, variation, send_id, profile, traffic) AS of
    FROM
    (
        SELECT channel, message, variation, send_id, profile, traffic
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN {touches:Array(String)}
        GROUP BY ALL
    )
) AS t USING (of);

-- sql/queries/deadletters_drop.sql
DELETE FROM deadletters WHERE workspace = {workspace:String} AND id IN {ids:Array(String)};

-- sql/queries/deadletters_expired.sql
DELETE FROM deadletters WHERE received < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC');

-- sql/queries/deadletters_replayed.sql
INSERT INTO deadletters
SELECT
    workspace, id, received, provider, hook, reason, body, headers, query,
    fromUnixTimestamp64Milli({now_ms:Int64}, 'UTC'), version + 1
FROM deadletters FINAL
WHERE workspace = {workspace:String} AND has({ids:Array(String)}, id);

-- sql/queries/drop_letters_about.sql
ALTER TABLE deadletters DELETE
WHERE workspace = {workspace:String}
    AND (match(body, {pattern:String}) OR match(query, {pattern:String}) OR match(headers, {pattern:String}))
SETTINGS mutations_sync = 2;

-- sql/queries/duplicate_drop.sql
ALTER TABLE `turnout`.events_local ON CLUSTER 'main' DELETE
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN {ids:Array(UInt128)}
  AND (cityHash64(id, toUnixTimestamp64Milli(received)) IN {moments:Array(UInt64)}
      OR cityHash64(id, _part, _part_offset) IN {places:Array(UInt64)})
SETTINGS mutations_sync = 2;

-- sql/queries/forget_finished.sql
DELETE FROM uniques
WHERE workspace = {workspace:String} AND (campaigns IN {campaigns:Array(String)} OR NOT startsWith(campaigns, '='));

-- sql/queries/moving_delete.sql
DELETE FROM `turnout`.events_local ON CLUSTER 'main'
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id >= {first_id:UInt128} AND id <= {last_id:UInt128};

-- sql/queries/moving_progress.sql
CREATE TABLE IF NOT EXISTS `turnout`.moves ON CLUSTER 'main'
(
    kind LowCardinality(String),
    slice String,
    events UInt64,
    note String,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/turnout/{database}/everywhere/moves', '{replica}')
ORDER BY (kind, slice)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

-- sql/queries/reclassify_differing.sql
INSERT INTO reclassify_1
SELECT id, campaign, transform(key, {keys:Array(String)}, {kinds:Array(UInt32)}, toUInt32(0))
FROM
(
    SELECT id, campaign, traffic, had, had_version, found, concat(type, ' ', toString(found)) AS key
    FROM {found:Identifier}
)
WHERE found != had OR had_version != {version:UInt8}
   OR transform(key, {keys:Array(String)}, {classes:Array(String)}, '') != traffic;

-- sql/queries/reclassify_found.sql
INSERT INTO reclassify_1
WITH
    link_bursts AS
    (
        SELECT id
        FROM
        (
            SELECT id, ms, maxIf(ms, is_start) OVER (PARTITION BY person ORDER BY ms RANGE UNBOUNDED PRECEDING) AS start_ms
            FROM
            (
                SELECT id, person, ms, length(groupUniqArray({links:UInt8})(leads_to) OVER (
                    PARTITION BY person ORDER BY ms RANGE BETWEEN CURRENT ROW AND {links_ms:Int64} FOLLOWING
                )) >= {links:UInt8} AS is_start
                FROM {held:Identifier}
                WHERE leads_to != 0 AND person IN
                (
                    SELECT person FROM {held:Identifier} WHERE leads_to != 0 AND person != 0
                    GROUP BY person HAVING uniqExact(leads_to) >= {links:UInt8}
                )
            )
        )
        WHERE start_ms > 0 AND ms - start_ms <= {links_ms:Int64}
    ),
    place_bursts AS
    (
        SELECT id
        FROM
        (
            SELECT id, ms, maxIf(ms, is_start) OVER (PARTITION BY place ORDER BY ms RANGE UNBOUNDED PRECEDING) AS start_ms
            FROM
            (
                SELECT id, place, ms, length(groupUniqArray({recipients:UInt8})(reader) OVER (
                    PARTITION BY place ORDER BY ms RANGE BETWEEN CURRENT ROW AND {recipients_ms:Int64} FOLLOWING
                )) >= {recipients:UInt8} AS is_start
                FROM {held:Identifier}
                WHERE place IN
                (
                    SELECT place FROM {held:Identifier} WHERE place != 0
                    GROUP BY place HAVING uniqExact(reader) >= {recipients:UInt8}
                )
            )
        )
        WHERE start_ms > 0 AND ms - start_ms <= {recipients_ms:Int64}
    ),
    deliveries AS
    (
        -- Each stands earlier than it is by what clocks may differ.
        SELECT reinterpretAsUInt128(sipHash128(campaign, message, recipient)) AS whose,
            toUnixTimestamp64Milli(time) - {skew_ms:Int64} AS delivered_ms
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN ('sent', 'delivered')
          AND time >= fromUnixTimestamp64Milli({from_ms:Int64} - {margin_ms:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({to_ms:Int64} + {margin_ms:Int64}, 'UTC')
          -- Shards of a cluster don't have these tables, and are told whom it is about.
          AND whose GLOBAL IN (SELECT person FROM {held:Identifier} WHERE type IN ('opened', 'clicked'))
    ),
    hidden AS
    (
        SELECT person AS whose, ms AS hidden_ms
        FROM {held:Identifier}
        WHERE type = 'clicked' AND person != 0 AND bitAnd(had, {hidden_link:UInt32}) != 0
    )
SELECT
    id, campaign, type, ms, traffic, had, had_version,
    standing
    + {soon_after_delivery:UInt32} * (is_of_message AND last.delivered_ms > 0 AND ms - last.delivered_ms - {skew_ms:Int64}
        <= if(type = 'opened', {opened_ms:Int64}, {clicked_ms:Int64}))
    + {many_links_at_once:UInt32} * (type = 'clicked' AND id IN (SELECT id FROM link_bursts))
    + {near_hidden_link:UInt32} * (is_of_message AND NOT (type = 'clicked' AND bitAnd(had, {hidden_link:UInt32}) != 0)
        AND ((before.hidden_ms > 0 AND ms - before.hidden_ms <= {hidden_ms:Int64})
            OR (after.hidden_ms > 0 AND after.hidden_ms - ms <= {hidden_ms:Int64})))
    + {many_recipients_at_once:UInt32} * (type = 'clicked' AND id IN (SELECT id FROM place_bursts)) AS found
FROM
(
    SELECT *, person != 0 AND type IN ('opened', 'clicked') AS is_of_message
    FROM {held:Identifier}
    WHERE is_looked_at
) AS looked
ASOF LEFT JOIN deliveries AS last ON looked.person = last.whose AND looked.ms >= last.delivered_ms
ASOF LEFT JOIN hidden AS before ON looked.person = before.whose AND looked.ms >= before.hidden_ms
ASOF LEFT JOIN hidden AS after ON looked.person = after.whose AND looked.ms <= after.hidden_ms;

-- sql/queries/reclassify_held.sql
INSERT INTO reclassify_1
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
);

-- sql/queries/reclassify_write.sql
ALTER TABLE `turnout`.events_local ON CLUSTER 'main' UPDATE
    traffic = arrayElement({classes:Array(String)}, kind_of_change),
    reasons = arrayElement({reasons:Array(UInt32)}, kind_of_change),
    rule_version = {version:UInt8}
WHERE workspace = {workspace:String} AND campaign IN (SELECT campaign FROM {changes:Identifier})
  AND type IN {types:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN (SELECT id FROM {changes:Identifier} WHERE kind > {after:UInt32} AND kind <= {last:UInt32})
SETTINGS mutations_sync = 2;

-- sql/queries/refill_counts.sql
INSERT INTO counts
SELECT
    workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot,
    traffic, channel, message, variation, profile, detail, goal, currency,
    count() AS events,
    sum(toUInt64(e.quantity)) AS quantity,
    sum(toUInt64(e.duration_ms)) AS duration_ms,
    sum(toDecimal128(e.amount, 6)) AS amount,
    min(time) AS first_time,
    max(time) AS last_time
FROM events AS e
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency
SETTINGS parallel_distributed_insert_select = 2;

-- sql/queries/salvage.sql
INSERT INTO reclassify_1
SELECT * FROM events
WHERE _part = {part:String} AND _part_offset >= {from:UInt64} AND _part_offset < {to:UInt64}
SETTINGS use_skip_indexes = 0, max_threads = 1, max_insert_threads = 1, min_insert_block_size_bytes = 0,
    min_insert_block_size_rows = 1000000;

-- sql/queries/save_finished.sql
INSERT INTO uniques
SELECT cell.1, cell.2, cell.3, cell.4, cell.5, cell.6, cell.7, cell.8, cell.9, cell.10, now64(3)
FROM (
    SELECT arrayJoin(arrayZip(
        {workspaces:Array(String)}, {campaigns:Array(String)}, {conditions:Array(String)}, {types:Array(String)},
        {traffic:Array(String)}, {units:Array(String)}, {firsts:Array(Int64)}, {lasts:Array(Int64)},
        {events:Array(UInt64)}, {numbers:Array(UInt64)}
    )) AS cell
);

-- stats/credits.py
ALTER TABLE `turnout`.credits_local ON CLUSTER 'main' DROP PARTITION {fill:UInt64};

-- stats/credits.py
TRUNCATE TABLE `turnout`.credits_local ON CLUSTER 'main';

-- stats/finished.py
TRUNCATE TABLE uniques;

-- store/erasure.py
ALTER TABLE `turnout`.events_local ON CLUSTER 'main' UPDATE
    url = if(url != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(url)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0 AND url NOT IN (SELECT value FROM leaving WHERE kind = 'url' AND workspace = {workspace:String}), replaceAll(replaceAll(replaceAll(replaceAll(toString(url), recipient, concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), encodeURLComponent(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(encodeURLComponent(recipient)), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), toString(url)),
    link = if(link != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(link)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0 AND link NOT IN (SELECT value FROM leaving WHERE kind = 'link' AND workspace = {workspace:String}), replaceAll(replaceAll(replaceAll(replaceAll(toString(link), recipient, concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), encodeURLComponent(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(encodeURLComponent(recipient)), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), toString(link)),
    send_id = if(send_id != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(send_id)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0 AND send_id NOT IN (SELECT value FROM leaving WHERE kind = 'send_id' AND workspace = {workspace:String}), replaceAll(replaceAll(replaceAll(replaceAll(toString(send_id), recipient, concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), encodeURLComponent(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(encodeURLComponent(recipient)), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), toString(send_id)),
    order_id = if(order_id != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(order_id)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0 AND order_id NOT IN (SELECT value FROM leaving WHERE kind = 'order_id' AND workspace = {workspace:String}), replaceAll(replaceAll(replaceAll(replaceAll(toString(order_id), recipient, concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), encodeURLComponent(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(encodeURLComponent(recipient)), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), toString(order_id)),
    params = if(params != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(params)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0 AND params NOT IN (SELECT value FROM leaving WHERE kind = 'params' AND workspace = {workspace:String}), arrayStringConcat(arrayMap(token -> if(startsWith(token, '"'), replaceAll(replaceAll(replaceAll(replaceAll(token, recipient, concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), encodeURLComponent(recipient), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), lower(encodeURLComponent(recipient)), concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient))))), if(token = recipient, concat('"', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient)))), '"'), token)), extractAll(params, '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|-'))), toString(params)),
    ip = '', user_agent = '', city = '', network = '', properties = '',
    recipient = concat(concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), recipient)))), if(position(recipient, '@') > 0, concat('@', substringIndex(recipient, '@', -1)), ''))
WHERE workspace = {workspace:String} AND recipient IN (SELECT value FROM leaving WHERE kind = 'recipient' AND workspace = {workspace:String})
SETTINGS mutations_sync = 2;

-- store/erasure.py
ALTER TABLE `turnout`.events_local ON CLUSTER 'main' UPDATE
    url = replaceRegexpAll(toString(url), {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))),
    link = replaceRegexpAll(toString(link), {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))),
    send_id = replaceRegexpAll(toString(send_id), {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))),
    order_id = replaceRegexpAll(toString(order_id), {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))),
    params = arrayStringConcat(arrayMap(token -> if(startsWith(token, '"'), replaceRegexpAll(token, {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))), if(token = {recipient:String}, concat('"', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))), '"'), token)), extractAll(params, '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|-'))),
    link_title = replaceRegexpAll(toString(link_title), {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))),
    properties = arrayStringConcat(arrayMap(token -> if(startsWith(token, '"'), replaceRegexpAll(token, {pattern:String}, concat('\\1', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))))), if(token = {recipient:String}, concat('"', concat('erased:', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), {recipient:String})))), '"'), token)), extractAll(properties, '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+|-')))
WHERE workspace = {workspace:String} AND (match(toString(url), {pattern:String}) OR match(toString(link), {pattern:String}) OR match(toString(send_id), {pattern:String}) OR match(toString(order_id), {pattern:String}) OR match(toString(params), {pattern:String}) OR match(toString(link_title), {pattern:String}) OR match(toString(properties), {pattern:String}))
SETTINGS mutations_sync = 2;

-- store/erasure.py
INSERT INTO leaving
SELECT 'url', {workspace:String}, toString(url), {key0:UInt64}, {key1:UInt64}, 1
FROM events
WHERE workspace = {workspace:String} AND url IN (
    SELECT url FROM events WHERE workspace = {workspace:String} AND recipient IN (SELECT value FROM leaving WHERE kind = 'recipient' AND workspace = {workspace:String}) AND url != '' AND positionCaseInsensitive(concat(' ', replaceRegexpAll(decodeURLComponent(toString(url)), '[^\\pL\\pN]', ' '), ' '), concat(' ', replaceRegexpAll(recipient, '[^\\pL\\pN]', ' '), ' ')) > 0
)
GROUP BY url
HAVING min(recipient) != max(recipient)
SETTINGS max_execution_time = 3600;

-- store/erasure.py
INSERT INTO leaving
SELECT {kind:String}, {workspace:String}, {value:String}, {key0:UInt64}, {key1:UInt64}, {keep_domain:Bool};

-- store/erasure.py
KILL MUTATION ON CLUSTER 'main' WHERE database = 'turnout' AND table IN ({table:String}, concat({table:String}, '_local')) AND is_done SYNC;

-- store/erasure.py
SYSTEM SYNC REPLICA ON CLUSTER 'main' `turnout`.leaving;

-- store/erasure.py
TRUNCATE TABLE leaving;

-- store/events.py
KILL MUTATION ON CLUSTER 'main' WHERE database = 'turnout' AND table IN ({table:String}, concat({table:String}, '_local')) SYNC;

-- store/fleet.py
KILL QUERY ON CLUSTER 'main' WHERE startsWith(initial_query_id, {prefix:String}) SYNC;

-- store/migrate.py
INSERT INTO schema_migrations SELECT {number:UInt32}, {name:String};

-- store/moving_progress.py
TRUNCATE TABLE moves;

-- store/revision.py
CREATE TABLE `turnout`.reclassify_1 ON CLUSTER 'main'
    (id UInt128, campaign LowCardinality(String), kind UInt32) ENGINE = ReplicatedMergeTree('/turnout/{database}/everywhere/reclassify_1', '{replica}') ORDER BY kind;

-- store/revision.py
CREATE TABLE {table:Identifier} (id UInt128, campaign LowCardinality(String),
        type LowCardinality(String), ms Int64, person UInt128, reader UInt64, place UInt128, leads_to UInt64,
        traffic LowCardinality(String), had UInt32, had_version UInt8, is_looked_at Bool, standing UInt32)
        ENGINE = Memory;

-- store/revision.py
CREATE TABLE {table:Identifier} (id UInt128, campaign LowCardinality(String),
        type LowCardinality(String), ms Int64, traffic LowCardinality(String), had UInt32, had_version UInt8,
        found UInt32) ENGINE = Memory;

-- store/revision.py
CREATE TABLE {table:Identifier} (user_agent String, reasons UInt32)
        ENGINE = Join(ANY, LEFT, user_agent) SETTINGS persistent = 0;

-- store/revision.py
DROP TABLE IF EXISTS `turnout`.reclassify_1 ON CLUSTER 'main' SYNC;

-- store/revision.py
INSERT INTO reclassify_1
SELECT pair.1, pair.2 FROM (SELECT arrayJoin(arrayZip({agents:Array(String)}, {reasons:Array(UInt32)})) AS pair);

-- store/revision.py
SYSTEM SYNC REPLICA ON CLUSTER 'main' `turnout`.reclassify_1;

-- store/revision.py
TRUNCATE TABLE reclassify_1;

-- store/server.py
KILL QUERY ON CLUSTER 'main' WHERE initial_query_id = {id:String} SYNC;
