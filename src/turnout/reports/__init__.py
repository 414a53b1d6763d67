"""Reports: a campaign as one document, for a browser, for paper, by mail; now or by the clock."""
