"""Public judges of the endpoint, run against the real server: `python -m scripts.judges`.

- `comply`: llm-comply, chat and Responses.
- `schema`: schemathesis on the server's own OpenAPI.
- `suite`: openai-python's own tests from its source distribution.
- `clients`: each client asks, streamed and whole, and shows what citations it can.
- `faults`: each client asks while the model behind the server breaks in every way.

Each judge rewrites its own section of docs/judges.md.
"""
