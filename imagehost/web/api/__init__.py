"""The JSON API, version 1: one blueprint, its routes in files by subject, all declared through `route.endpoint`."""
