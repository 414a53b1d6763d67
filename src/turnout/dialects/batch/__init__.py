"""The room that speaks Batch: push campaigns and their statistics, transactional groups, and orchestrations."""
