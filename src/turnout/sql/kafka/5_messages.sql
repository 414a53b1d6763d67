-- The topic. Nothing is read from it until a view stands behind it, which the next file makes.
CREATE TABLE IF NOT EXISTS kafka_messages /* ON CLUSTER */
(
    raw String
)
ENGINE = Kafka({brokers:String}, {topic:String}, {group:String}, 'JSONAsString')
SETTINGS
    kafka_num_consumers = 1,
    kafka_thread_per_consumer = 1,
    kafka_max_block_size = 100000,
    kafka_flush_interval_ms = 1000,
    kafka_handle_error_mode = 'stream';
