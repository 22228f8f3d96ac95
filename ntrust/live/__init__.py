"""Open boards hear that a study has changed.

`hub` listens to Redis once a process and passes hints on, `watchers` asks the database who may
still hear, `views` are the addresses. Boards then fetch parts: `ntrust/fragments.py` keeps them.
"""
