"""Redis: the fast index of what the bucket holds. All redis imports of the project are below this package."""
