"""Alembic revisions of the national database, and the step that follows the contract.

A revision's file name says when it may run: `<number>_pre_<what>.py` before the new program (old code runs on the new
schema), `<number>_post_<what>.py` once the old program is gone. Tables that mirror an Avro record need no revision: the
contract only ever gains optional fields, so `follow_contract` adds the tables and columns that are missing.
"""
