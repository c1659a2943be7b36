"""What makes each schema of the store from the one before; alembic reads `versions/`."""
