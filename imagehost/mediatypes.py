"""The allow-list of images, as media types. What may be announced is decided here; what a file is, the gate decides."""

# Media type → extension in object keys and public addresses.
EXTENSIONS: dict[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
}
