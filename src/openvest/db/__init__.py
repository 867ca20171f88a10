"""The only place that knows the driver: typed queries, unit of work, paging, migrations, embedded server."""
