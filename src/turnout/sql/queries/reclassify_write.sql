-- Writes the class and the reasons that were found. The engine looks through the columns named here and writes three of
-- them anew, in those parts that have such an event. `changes` is the table's name with its database's.
ALTER TABLE events UPDATE
    traffic = joinGet({changes:String}, 'traffic', id),
    reasons = joinGet({changes:String}, 'reasons', id),
    rule_version = {version:UInt8}
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN {types:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN (SELECT id FROM {table:Identifier})
SETTINGS mutations_sync = 2
