"""One contract, held against every database that keeps tasks."""
