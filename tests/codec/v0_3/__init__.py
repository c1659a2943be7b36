"""A2A 0.3 and 1.0 made of one another: worked examples, properties, and the a2a-sdk as a second opinion."""
