"""The ground floor: what has no domain, such as whole files, locks, child processes and the environment."""
