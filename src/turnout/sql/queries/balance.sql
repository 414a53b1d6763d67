-- As many events in raw as the rollup has counted? Neither reads the events themselves, so this is cheap at any size.
SELECT (SELECT count() FROM events), (SELECT sum(events) FROM counts)
