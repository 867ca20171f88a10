"""The HTTP server: one ASGI application that serves the endpoint tables of both contracts.

`app` puts it together; `dispatch` takes one request from its headers to its answer, in the order of refusals that
CONTRACTS.md rule 5 lists; every other module does one step of that.
"""
