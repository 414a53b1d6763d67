-- What became of the catalog's records since a version: of each the newest, in the order in which they were written.
-- Of two with one version, which only processes can have written that lost sight of each other, all take the same one.
SELECT
    kind, workspace, id,
    argMax(body, (version, body)),
    argMax(deleted, (version, body)),
    max(version) AS newest
FROM catalog
WHERE version > {seen:UInt64}
GROUP BY kind, workspace, id
ORDER BY newest
LIMIT {limit:UInt64} WITH TIES
SETTINGS select_sequential_consistency = 1
