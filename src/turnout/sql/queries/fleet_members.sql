-- The processes that share the store: what each said last, and how long ago that was.
SELECT process, argMax(state, (at, said)), dateDiff('millisecond', max(at), now64(3))
FROM members
GROUP BY process
SETTINGS select_sequential_consistency = 1
