-- Tables of nodes that are not well: read-only, without a session, with replicas that are gone, or behind the others.
SELECT hostName() AS node, table,
    multiIf(
        is_readonly, 'is read-only',
        is_session_expired, 'has no session with Keeper',
        active_replicas < total_replicas,
            concat('sees ', toString(active_replicas), ' of ', toString(total_replicas), ' replicas'),
        absolute_delay > {delay_limit_s:UInt64}, concat('is ', toString(absolute_delay), ' s behind'),
        concat('has a queue of ', toString(queue_size))
    ) AS reason
FROM clusterAllReplicas({cluster:String}, system.replicas)
WHERE database = currentDatabase()
  AND (is_readonly OR is_session_expired OR active_replicas < total_replicas
       OR absolute_delay > {delay_limit_s:UInt64} OR queue_size > {queue_limit:UInt64})
ORDER BY node, table
