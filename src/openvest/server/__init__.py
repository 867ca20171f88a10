"""HTTP: application, dispatch, authentication, signatures, idempotency, rate limits, problems, OpenAPI."""
