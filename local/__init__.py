"""How the project runs on one machine: `make up`, `make test` and the servers they need.

Nothing here is part of the service; a production installation brings its own PostgreSQL and Redis.
The package runs on a bare Python: only `local.web` and `local.mail` need what bootstrap installs.
"""
