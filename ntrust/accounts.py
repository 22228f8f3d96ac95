"""How people come in: accounts are made by the machine's administrator, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """allauth's behaviour, without self-service sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: a new person is added under /admin/ by the machine's administrator."""
        return False
