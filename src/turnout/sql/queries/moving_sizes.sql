-- What there is to move: how many events each campaign has, by raw, since a rollup may be wrong.
SELECT workspace, campaign, count() AS events
FROM events
GROUP BY workspace, campaign
ORDER BY workspace, campaign
SETTINGS output_format_arrow_string_as_string = 1
