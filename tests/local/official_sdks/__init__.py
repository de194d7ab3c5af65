"""What the official SDKs do with the server. These files run in environments of their own, one for each SDK."""
