"""`hemis bundle`: one archive for support, without secrets and personal data, also from a broken system."""
