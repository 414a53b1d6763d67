-- The same of whole campaigns.
SELECT campaign, count(), sum(cityHash64(*)), groupBitXor(cityHash64(*))
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)}
GROUP BY campaign
