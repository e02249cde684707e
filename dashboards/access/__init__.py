"""Who may see what, how they log in, and what every answer forbids."""
