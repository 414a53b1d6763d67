-- What recipients did, credited to the campaign that touched them before. A cache: `queries/credit.sql` fills it
-- when it is asked for, a partition a fill, and the process that filled it drops it when it is no longer right.
CREATE TABLE IF NOT EXISTS credits
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
ENGINE = MergeTree
PARTITION BY fill
ORDER BY tuple();
