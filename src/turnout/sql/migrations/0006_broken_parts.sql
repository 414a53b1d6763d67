-- A part whose files don't fit together is set aside when the store opens, and the store opens without it: that is said
-- in the log, by /metrics and by `turnout check`. By default the engine refuses to open at all where that is more than a gibibyte,
-- which one large part of a large store is. More than a hundred parts (the other limit) is no accident of a part, but
-- of the disk or the directory, and stays a reason to refuse.
ALTER TABLE events MODIFY SETTING max_suspicious_broken_parts_bytes = 1099511627776;

ALTER TABLE counts MODIFY SETTING max_suspicious_broken_parts_bytes = 1099511627776;
