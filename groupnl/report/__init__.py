"""A page about the robustness of served models, for those who have no Grafana at hand."""
