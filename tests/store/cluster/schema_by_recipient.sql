CREATE TABLE IF NOT EXISTS `turnout`.locks ON CLUSTER 'main'
(
    name LowCardinality(String),
    term UInt64,
    kind LowCardinality(String),
    holder String,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/turnout/{database}/everywhere/locks', '{replica}')
ORDER BY (name, term)
TTL toDateTime(at) + INTERVAL 1 DAY DELETE WHERE kind = 'beat'
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS `turnout`.members ON CLUSTER 'main'
(
    process String,
    state LowCardinality(String),
    said UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/turnout/{database}/everywhere/members', '{replica}', at)
ORDER BY process
TTL toDateTime(at) + INTERVAL 7 DAY
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.journals ON CLUSTER 'main'
(
    process String,
    cells String,
    said UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/turnout/{database}/everywhere/journals', '{replica}', at)
ORDER BY process
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.schema_migrations ON CLUSTER 'main' (number UInt32, name String)
ENGINE = ReplicatedMergeTree('/turnout/{database}/everywhere/schema_migrations', '{replica}') ORDER BY number SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.events_local ON CLUSTER 'main'
(
    workspace LowCardinality(String),
    campaign LowCardinality(String),
    type LowCardinality(String),
    time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UInt128 CODEC(NONE),
    recipient String CODEC(ZSTD(1)),
    anonymous Bool,
    message LowCardinality(String),
    variation LowCardinality(String),
    channel LowCardinality(String),
    send_id LowCardinality(String),
    profile LowCardinality(String),
    detail LowCardinality(String),
    goal UInt8,
    amount Decimal(18, 6) CODEC(ZSTD(1)),
    currency LowCardinality(String),
    order_id String CODEC(ZSTD(1)),
    name LowCardinality(String),
    duration_ms UInt32 CODEC(ZSTD(1)),
    product LowCardinality(String),
    quantity UInt32 CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    link LowCardinality(String),
    link_title LowCardinality(String),
    params String CODEC(ZSTD(1)),
    properties String CODEC(ZSTD(1)),
    ip String CODEC(ZSTD(1)),
    user_agent LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    traffic LowCardinality(String),
    recipient_domain LowCardinality(String)
        MATERIALIZED if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), ''),
    received DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_time time TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/turnout/{database}/{shard}/events', '{replica}')
ORDER BY (workspace, campaign, type, time)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1, merge_selector_base = 10, index_granularity = 2048;

CREATE TABLE IF NOT EXISTS `turnout`.events ON CLUSTER 'main' AS `turnout`.events_local ENGINE = Distributed('main', 'turnout', 'events_local', cityHash64(workspace, if(recipient = '', toString(id), recipient)));

CREATE TABLE IF NOT EXISTS `turnout`.counts_local ON CLUSTER 'main'
(
    workspace LowCardinality(String),
    campaign LowCardinality(String),
    type LowCardinality(String),
    slot DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    traffic LowCardinality(String),
    channel LowCardinality(String),
    message LowCardinality(String),
    variation LowCardinality(String),
    profile LowCardinality(String),
    detail LowCardinality(String),
    goal UInt8,
    currency LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    quantity SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    duration_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    amount SimpleAggregateFunction(sum, Decimal(38, 6)) CODEC(ZSTD(1)),
    first_time SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last_time SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/turnout/{database}/{shard}/counts', '{replica}')
ORDER BY (workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.counts ON CLUSTER 'main' AS `turnout`.counts_local ENGINE = Distributed('main', 'turnout', 'counts_local', cityHash64(workspace, campaign));

CREATE MATERIALIZED VIEW IF NOT EXISTS `turnout`.counts_of_events ON CLUSTER 'main' TO `turnout`.counts_local AS
SELECT
    workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot,
    traffic, channel, message, variation, profile, detail, goal, currency,
    count() AS events,
    sum(toUInt64(e.quantity)) AS quantity,
    sum(toUInt64(e.duration_ms)) AS duration_ms,
    sum(toDecimal128(e.amount, 6)) AS amount,
    min(time) AS first_time,
    max(time) AS last_time
FROM `turnout`.events_local AS e
GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency;

CREATE TABLE IF NOT EXISTS `turnout`.catalog ON CLUSTER 'main'
(
    kind LowCardinality(String),
    workspace String,
    id String,
    body String,
    version UInt64,
    deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/turnout/{database}/everywhere/catalog', '{replica}', version)
ORDER BY (kind, workspace, id)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.credits_local ON CLUSTER 'main'
(
    fill UInt64,
    kind LowCardinality(String),
    recipient String CODEC(LZ4),
    time DateTime64(3, 'UTC'),
    placed DateTime64(3, 'UTC'),
    campaign LowCardinality(String),
    channel LowCardinality(String),
    message LowCardinality(String),
    variation LowCardinality(String),
    send_id LowCardinality(String),
    profile LowCardinality(String),
    traffic LowCardinality(String),
    amount Decimal(18, 6),
    currency LowCardinality(String)
)
ENGINE = ReplicatedMergeTree('/turnout/{database}/{shard}/credits', '{replica}')
PARTITION BY fill
ORDER BY tuple();

CREATE TABLE IF NOT EXISTS `turnout`.credits ON CLUSTER 'main' AS `turnout`.credits_local ENGINE = Distributed('main', 'turnout', 'credits_local', cityHash64(recipient));

CREATE TABLE IF NOT EXISTS `turnout`.uniques ON CLUSTER 'main'
(
    workspace LowCardinality(String),
    campaigns String,
    condition LowCardinality(String),
    types LowCardinality(String),
    traffic LowCardinality(String),
    unit LowCardinality(String),
    first_ms Int64,
    last_ms Int64,
    events UInt64,
    number UInt64,
    kept DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/turnout/{database}/everywhere/uniques', '{replica}', kept)
ORDER BY (workspace, campaigns, condition, traffic, unit, first_ms, last_ms);

ALTER TABLE `turnout`.counts_local ON CLUSTER 'main' MODIFY SETTING
    deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE `turnout`.counts_local ON CLUSTER 'main' ADD PROJECTION IF NOT EXISTS whole
(
    SELECT workspace, campaign, type, detail, goal, traffic, sum(events), min(first_time), max(last_time)
    GROUP BY workspace, campaign, type, detail, goal, traffic
);

ALTER TABLE `turnout`.counts_local ON CLUSTER 'main' MATERIALIZE PROJECTION whole SETTINGS mutations_sync = 1;

ALTER TABLE `turnout`.events_local ON CLUSTER 'main' MODIFY SETTING max_suspicious_broken_parts_bytes = 1099511627776;

ALTER TABLE `turnout`.counts_local ON CLUSTER 'main' MODIFY SETTING max_suspicious_broken_parts_bytes = 1099511627776;

ALTER TABLE `turnout`.events_local ON CLUSTER 'main'
    ADD COLUMN IF NOT EXISTS city LowCardinality(String) AFTER country,
    ADD COLUMN IF NOT EXISTS network LowCardinality(String) AFTER city,
    ADD COLUMN IF NOT EXISTS os LowCardinality(String) AFTER device,
    ADD COLUMN IF NOT EXISTS browser_version LowCardinality(String) AFTER browser,
    ADD COLUMN IF NOT EXISTS reasons UInt32 CODEC(ZSTD(1)) AFTER traffic,
    ADD COLUMN IF NOT EXISTS rule_version UInt8 CODEC(ZSTD(1)) AFTER reasons;

ALTER TABLE `turnout`.events ON CLUSTER 'main'
    ADD COLUMN IF NOT EXISTS city LowCardinality(String) AFTER country,
    ADD COLUMN IF NOT EXISTS network LowCardinality(String) AFTER city,
    ADD COLUMN IF NOT EXISTS os LowCardinality(String) AFTER device,
    ADD COLUMN IF NOT EXISTS browser_version LowCardinality(String) AFTER browser,
    ADD COLUMN IF NOT EXISTS reasons UInt32 AFTER traffic,
    ADD COLUMN IF NOT EXISTS rule_version UInt8 AFTER reasons;

CREATE TABLE IF NOT EXISTS `turnout`.deadletters ON CLUSTER 'main'
(
    workspace String,
    id String,
    received DateTime64(3, 'UTC'),
    provider LowCardinality(String),
    hook String,
    reason String,
    body String CODEC(ZSTD(3)),
    headers String,
    query String,
    replayed DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/turnout/{database}/everywhere/deadletters', '{replica}', version)
ORDER BY (workspace, id)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `turnout`.leaving ON CLUSTER 'main'
(
    kind LowCardinality(String),
    workspace String,
    value String,
    key0 UInt64,
    key1 UInt64,
    keep_domain Bool
)
ENGINE = ReplicatedMergeTree('/turnout/{database}/everywhere/leaving', '{replica}')
ORDER BY (kind, workspace, value)
SETTINGS fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1, fsync_part_directory = 1, old_parts_lifetime = 0;

ALTER TABLE `turnout`.events_local ON CLUSTER 'main'
    ADD COLUMN IF NOT EXISTS position UInt16 CODEC(ZSTD(1)) AFTER link_title;

ALTER TABLE `turnout`.events ON CLUSTER 'main'
    ADD COLUMN IF NOT EXISTS position UInt16 AFTER link_title;

ALTER TABLE `turnout`.events_local ON CLUSTER 'main' MODIFY SETTING
    replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

ALTER TABLE `turnout`.counts_local ON CLUSTER 'main' MODIFY SETTING
    replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;
