"""Who is the same person: probabilistic record linkage after Fellegi and Sunter, record by record, parameters learned beside the stream.

`matcher.Matcher` is the door. A comparison file says which columns there are, how each is compared and which keys bring two records
together; nothing here knows what a student is.
"""
