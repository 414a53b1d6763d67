-- What processes said last that they are changing: cells of the rollup, as JSON. Who has ended it says nothing.
SELECT process, argMax(cells, (at, said)) AS latest FROM journals GROUP BY process HAVING latest != ''
SETTINGS select_sequential_consistency = 1
