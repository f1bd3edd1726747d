"""What the product is told: settings and personas."""
