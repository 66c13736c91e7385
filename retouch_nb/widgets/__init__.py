"""What is alive in a cell while its kernel is: progress of a running job. Everything that stays is static HTML."""
