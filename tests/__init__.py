"""The tests mirror the tree: a folder for each of the gateway's, and what crosses them beside it."""
