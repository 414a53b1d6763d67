-- Every campaign that has events, and when its last one happened; read from the sums of whole campaigns, which are few.
-- Who deletes a campaign's entry keeps its events: that is no reason to enter it again.
SELECT workspace, campaign, toUnixTimestamp(max(last_time))
FROM counts
WHERE campaign != '' AND (workspace, campaign) NOT IN
(
    SELECT workspace, id FROM catalog WHERE kind = 'campaign'
    GROUP BY workspace, id HAVING argMax(deleted, version) = 1
)
GROUP BY workspace, campaign
