"""Rules, alerts and dashboards as code: files below `serving_config/` are written from here, so names cannot drift."""
