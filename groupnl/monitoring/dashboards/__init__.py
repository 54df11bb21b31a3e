"""Grafana's dashboards, built with the official SDK: a field that Grafana does not know is an error of types."""
