"""What the checklist of docs/security says, tried."""
