def test_counts_what_was_sent(tenant):
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "a"})
    assert tenant.stats("sent,unique_sent")["totals"] == {"sent": 1, "unique_sent": 1}
