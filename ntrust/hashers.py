"""Password hashing: Argon2id at OWASP's recommended cost (19 MiB, two passes, one lane).

Django's default takes 100 MiB and eight lanes. A signature asks for the password each time, so a
person with twenty statements to sign would wait on it, and a small machine would run out of memory
with a few signing at once.

Source: OWASP Password Storage Cheat Sheet, "Argon2id".
"""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id, m=19456 KiB, t=2, p=1."""

    memory_cost = 19_456
    time_cost = 2
    parallelism = 1
