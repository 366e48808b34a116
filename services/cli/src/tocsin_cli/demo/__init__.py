"""`tocsin demo`: an invented crisis, published by a local web server and watched to its end."""
