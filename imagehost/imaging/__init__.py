"""Images: verified, sanitised, derived; paths in, values out. Pillow ends here, and runs in killable children only."""
