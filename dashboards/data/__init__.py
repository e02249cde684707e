"""What the dashboards read. Every function takes a `Reader`, and so a scope."""
