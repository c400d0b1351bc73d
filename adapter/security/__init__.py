"""Who asks: organisations, and (later) HelseID tokens and audit."""
