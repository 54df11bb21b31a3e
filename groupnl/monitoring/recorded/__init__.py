"""The recording rules, a file for each group of figures; `groups` puts them together."""
