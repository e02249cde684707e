"""Who may see what, how they log in, what is logged of it, and what every answer forbids."""
