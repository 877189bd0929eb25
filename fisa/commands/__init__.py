"""The work behind the command line, a module for each group of commands; each imports only what it needs."""
