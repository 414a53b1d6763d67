-- How many dead letters a workspace has, and the bytes of their bodies.
SELECT count(), sum(length(body)) FROM deadletters FINAL WHERE workspace = {workspace:String}
