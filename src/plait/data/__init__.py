"""files -> Table -> Batch: readers, checks, splits, batches, augmentation."""
