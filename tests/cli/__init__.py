"""The command line as its users run it: processes, their output and their exit codes."""
