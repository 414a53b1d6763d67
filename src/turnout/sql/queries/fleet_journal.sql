-- What a process said last that it is changing: cells of the rollup, as JSON.
SELECT argMax(cells, (at, said)) FROM journals WHERE process = {process:String}
SETTINGS select_sequential_consistency = 1
