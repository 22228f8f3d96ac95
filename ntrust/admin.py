"""The administration: accounts of people and their roles in studies, which actions give and end."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ntrust import clock
from ntrust.actions import grant_role, revoke_role, unlock_account
from ntrust.errors import Refused
from ntrust.models import LoginAttempt, Membership, Site, User
from ntrust.states import SITE_ROLES, Role

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


class SiteChoice(forms.ModelChoiceField):
    """Sites with their studies before them."""

    def label_from_instance(self, obj: Any) -> str:
        """The study's key and the site's code and name."""
        return f"{obj.study.key}: {obj.code} {obj.name}"


class MembershipForm(forms.ModelForm):
    """Who gets which role where."""

    site = SiteChoice(
        Site.objects.select_related("study").order_by("study__key", "code"),
        required=False,
        help_text="For investigators and pharmacists only.",
    )

    class Meta:
        model = Membership
        fields = ("user", "study", "role", "site")

    def clean(self) -> dict[str, Any]:
        """A role of a site with a site of that study, any other role with none."""
        given = super().clean() or {}
        role, site, user = given.get("role"), given.get("site"), given.get("user")
        if role and role in SITE_ROLES and site is None and "site" not in self.errors:
            self.add_error("site", f"{Role(role).label.capitalize()}: name the site.")
        if role and role not in SITE_ROLES and site is not None:
            self.add_error("site", f"{Role(role).label.capitalize()}: of the whole study, no site.")
        if site is not None and site.study != given.get("study"):
            self.add_error("site", "This site is of another study.")
        if user is not None and not user.is_active:
            self.add_error("user", "This account is closed: open it first.")
        return given


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """Roles: given and taken back here; no row is changed or deleted, as history names it."""

    actions = ("take_back",)
    form = MembershipForm
    list_display = (
        "user", "role", "study", "site", "granted_at", "granted_by", "revoked_at", "revoked_by",
    )  # fmt: skip
    list_display_links = None
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "role", "study")
    list_select_related = ("user", "study", "site", "granted_by", "revoked_by")
    search_fields = ("user__username", "user__printed_name", "study__key")
    ordering = ("-granted_at", "-id")

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """No: a role is taken back and another given."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """No: take it back instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Give the role by its action; given twice it is once."""
        assert isinstance(request.user, User)
        made = grant_role(
            obj.user, study=obj.study, role=obj.role, site=obj.site, by=request.user,
            now=clock.now(),
        )  # fmt: skip
        obj.pk, obj.granted_at = made.pk, made.granted_at

    @admin.action(description="Take these roles back")
    def take_back(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """End these roles at once; boards that are open by them are hung up on."""
        assert isinstance(request.user, User)
        for row in queryset:
            said = f"{row.user}, {row.get_role_display()} in {row.study}"
            try:
                revoke_role(row, by=request.user, now=clock.now())
            except Refused as refusal:
                messages.warning(request, f"{said}: {refusal.sentence}")
            else:
                messages.success(request, f"{said}: taken back.")
