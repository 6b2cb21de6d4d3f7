"""What people type into the pages of their account."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from config.accounts.tries import refuse_password

_TEXT = {"class": "form-control"}
_CODE = {"class": "form-control", "autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}


class NameForm(forms.ModelForm):
    """How colleagues see a person."""

    first_name = forms.CharField(label=_("First name"), max_length=150, widget=forms.TextInput(attrs=_TEXT))
    last_name = forms.CharField(
        label=_("Last name"), max_length=150, required=False, widget=forms.TextInput(attrs=_TEXT)
    )
    email = forms.EmailField(label=_("Email"), required=False, widget=forms.EmailInput(attrs=_TEXT))

    class Meta:
        model = get_user_model()
        fields = ("first_name", "last_name", "email")


class NewPasswordForm(PasswordChangeForm):
    """Django's own rules, in our fields."""

    def __init__(self, request: Any, data: Any = None) -> None:
        super().__init__(request.user, data)
        self.request = request
        for field in self.fields.values():
            field.widget.attrs.update(_TEXT)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["old_password"].label = _("Password now")
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password2"].label = _("New password again")

    def clean_old_password(self) -> str:
        """Refuse a wrong one, and after too many any."""
        return _own_password(self.request, self.cleaned_data["old_password"])


class CodeForm(forms.Form):
    """A code of the app, or one of the recovery codes; blanks and dashes in it do not matter."""

    code = forms.CharField(label=_("Code"), max_length=40, widget=forms.TextInput(attrs=_CODE))

    def clean_code(self) -> str:
        """The code without what people put between."""
        return "".join(sign for sign in self.cleaned_data["code"] if sign.isalnum()).lower()


class PasswordForm(forms.Form):
    """One's password, before something that weakens the account."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={**_TEXT, "autocomplete": "current-password"}),
    )

    def __init__(self, request: Any, data: Any = None) -> None:
        super().__init__(data)
        self.request = request

    def clean_password(self) -> str:
        """Refuse a wrong one, and after too many any."""
        return _own_password(self.request, self.cleaned_data["password"])


def _own_password(request: Any, password: str) -> str:
    if why := refuse_password(request, password):
        raise ValidationError(why)
    return password
