"""The administration: accounts of people. Roles in a study are given by actions, not here."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ntrust import clock
from ntrust.actions import unlock_account
from ntrust.errors import Refused
from ntrust.models import LoginAttempt, User

admin.site.unregister(Group)  # roles are memberships of a study; groups would be a second truth


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Accounts: made here, closed here (not active), never deleted, as history names them."""

    actions = ("unlock",)
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "printed_name", "email", "is_active", "is_superuser", "is_demo")
    list_filter = ("is_active", "is_superuser", "is_demo")
    search_fields = ("username", "printed_name", "email")
    readonly_fields = ("last_login", "date_joined", "password_changed_at", "is_demo")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("printed_name", "email")}),
        ("Machine", {"fields": ("is_active", "is_staff", "is_superuser", "is_demo")}),
        ("Dates", {"fields": ("last_login", "date_joined", "password_changed_at")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": (
                    "username",
                    "printed_name",
                    "email",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """No: close the account instead."""
        return False

    @admin.action(description="Unlock after wrong passwords or codes")
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let these people try again at once."""
        assert isinstance(request.user, User)
        for user in queryset:
            try:
                unlock_account(user, by=request.user, now=clock.now())
            except Refused as refusal:
                messages.warning(request, f"{user}: {refusal.sentence}")
            else:
                messages.success(request, f"{user} may try again.")


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ModelAdmin):
    """Every try at the log-in and at signatures, to be read only."""

    list_display = ("at", "identifier", "user", "door", "outcome", "study")
    list_filter = ("door", "outcome")
    search_fields = ("identifier", "user__username")
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: tries are recorded where they happen."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LoginAttempt | None = None) -> bool:
        """No: rows are written once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LoginAttempt | None = None) -> bool:
        """No: rows stay."""
        return False
