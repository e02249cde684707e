"""One function per page: a release in, components out."""
