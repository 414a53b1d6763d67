-- Which of these ids are stored exactly where a repeat of the same event must be: by its campaign, type and time, which
-- are the table's key. As a subquery, since only then the key leaves out what can't be meant; as an array it was looked
-- up in every granule.
SELECT id FROM events
WHERE workspace = {workspace:String}
  AND (campaign, type, time) IN (
      SELECT place.1, place.2, fromUnixTimestamp64Milli(place.3, 'UTC')
      FROM (
          SELECT arrayJoin(
              arrayZip({campaigns:Array(String)}, {types:Array(String)}, {times_ms:Array(Int64)})
          ) AS place
      )
  )
  AND id IN {ids:Array(UInt128)}
