"""The pure codec: tables in the domain's words, and properties of all input."""
