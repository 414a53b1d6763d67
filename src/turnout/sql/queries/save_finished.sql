-- Keep finished numbers, a row of each array's items.
INSERT INTO uniques
SELECT cell.1, cell.2, cell.3, cell.4, cell.5, cell.6, cell.7, cell.8, cell.9, cell.10, now64(3)
FROM (
    SELECT arrayJoin(arrayZip(
        {workspaces:Array(String)}, {campaigns:Array(String)}, {conditions:Array(String)}, {types:Array(String)},
        {traffic:Array(String)}, {units:Array(String)}, {firsts:Array(Int64)}, {lasts:Array(Int64)},
        {events:Array(UInt64)}, {numbers:Array(UInt64)}
    )) AS cell
)
