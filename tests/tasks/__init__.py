"""Tasks that the gateway owns: where they are kept and how they live."""
