"""What a Prometheus and a Grafana of the ministry load: scrape configuration, rules, dashboards."""
