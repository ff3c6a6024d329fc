"""Pages for people: HTML, under a strict Content-Security-Policy."""
