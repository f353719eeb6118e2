"""The quality board: how good each institution's data is, how late, and what one record went through."""
