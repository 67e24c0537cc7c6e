"""How we talk to the API server: one client, every call bounded, every refusal a named error."""
