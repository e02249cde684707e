"""The dashboards: the protected tables of the current release, said in sentences and proved by charts."""
