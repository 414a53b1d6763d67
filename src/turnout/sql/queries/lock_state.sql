-- The newest term of a lock: whose it is (of several who asked at once, the one that was kept), whether they let go, and
-- how long ago they last said that they are there.
SELECT
    term,
    argMinIf(holder, (at, holder), kind = 'held'),
    countIf(kind = 'released'),
    dateDiff('millisecond', max(at), now64(3))
FROM locks
WHERE name = {name:String} AND term = (SELECT max(term) FROM locks WHERE name = {name:String})
GROUP BY term
SETTINGS select_sequential_consistency = 1
