"""What becomes of a message: one protocol for every service, and three kinds of failure, told apart here and nowhere else."""
