"""What anybody may call without a key: tracked links, the pixel, the live beacon, webhooks."""
