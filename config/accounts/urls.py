"""Log-in, and one's own account."""

from django.contrib.auth.views import LogoutView
from django.urls import path, reverse

from config.accounts import login, views
from crm.roles import everyone
from crm.views.posting import posted_from

urlpatterns = [
    path("login/", everyone(login.EarshotLogin.as_view()), name="login"),
    path("login/code/", login.login_code, name="login-code"),
    path("logout/", everyone(posted_from(lambda: reverse("dashboard"))(LogoutView.as_view())), name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="account-password"),
    path("account/second-factor/", views.second_factor, name="second-factor"),
    path("account/second-factor/codes/", views.recovery_codes, name="recovery-codes"),
    path("account/second-factor/off/", views.second_factor_off, name="second-factor-off"),
]
