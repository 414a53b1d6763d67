-- Every identity, to fill the filter of ids that may have been seen.
SELECT id FROM events
