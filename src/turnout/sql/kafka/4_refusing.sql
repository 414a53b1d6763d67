-- The others to where they can be looked at.
CREATE MATERIALIZED VIEW IF NOT EXISTS kafka_refusing /* ON CLUSTER */ TO kafka_refused AS
SELECT received, workspace, topic, partition, offset, field, error, body
FROM kafka_read
WHERE error != '';
