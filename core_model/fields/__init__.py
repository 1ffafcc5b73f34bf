"""Fields: point → signed distance | density, features, colour; tri-plane lookup; density rules; gradients."""
