-- The reasons of every event of a slice that is looked at: those that stand, and those that other events give it.
--
-- A burst begins at an event after which enough happens within its time, and it flags everything within that time. The
-- frames that look ahead are counted for those persons and places alone that have enough in the whole slice.
INSERT INTO {found:Identifier}
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
ASOF LEFT JOIN hidden AS after ON looked.person = after.whose AND looked.ms <= after.hidden_ms
