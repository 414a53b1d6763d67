-- Events into the table of events, each once: once of a block, and not if the store has it where a repeat of the same
-- event must be, by campaign, type and time, which are the table's key. GLOBAL, because on a cluster a shard has none of
-- the block: it gets the list. The house's own view then counts what is stored.
CREATE MATERIALIZED VIEW IF NOT EXISTS kafka_storing /* ON CLUSTER */ TO events AS
SELECT * EXCEPT (topic, partition, offset, field, error, body)
FROM kafka_read
WHERE error = '' AND (workspace, id) GLOBAL NOT IN
(
    SELECT workspace, id
    FROM events
    WHERE (workspace, campaign, type, time) GLOBAL IN
    (
        SELECT workspace, campaign, type, time
        FROM kafka_read
        WHERE error = ''
    )
)
LIMIT 1 BY workspace, id;
