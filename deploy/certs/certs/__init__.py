"""The site's certificate: issued and renewed by certbot, or brought by its owner; read by nginx."""
