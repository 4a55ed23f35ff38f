"""What training and the deployed model share: opening files, decoding outputs; no PyTorch, no pandas."""
