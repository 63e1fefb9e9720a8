"""What the hub tells neighbouring catalogues, and what it learns of them: export, harvest, data contracts and policies."""
