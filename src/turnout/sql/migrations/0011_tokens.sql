-- Where several processes write, an insert has a token, and the same token again changes nothing: for so many inserts,
-- or a week. This is said of replicated tables, and does nothing where there is one process and no replica; a single
-- server has it in its own words (store/cluster.py).
ALTER TABLE events MODIFY SETTING
    replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

ALTER TABLE counts MODIFY SETTING
    replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;
