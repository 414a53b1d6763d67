-- Every record of the registry as it is now, deletions included, those of workspaces first: a store is known by them.
SELECT kind, workspace, id, body, version, deleted,
    cityHash64(kind, workspace, id) AS row_key, cityHash64(body, deleted) AS row_hash
FROM catalog FINAL
ORDER BY kind = 'workspace' DESC, kind, workspace, id
