-- Where a clicked link stands in its message, counted from the top; 0 where nothing says it.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS position UInt16 CODEC(ZSTD(1)) AFTER link_title;
