"""Every door of the house."""

from importlib.util import find_spec

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("webhooks/", include("channels.hook_urls")),
    path("admin/", admin.site.urls),
]
def there(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
if there("config.demo.logins"):
    from config import views
    urlpatterns += [path("login/", views.EarshotLogin.as_view(), name="login"), path("more/", views.more, name="more")]
if there("analytics.views"):
    from analytics.views import dashboard
    urlpatterns += [path("", dashboard, name="dashboard")]
for p, m in (("", "crm.urls"), ("", "channels.urls"), ("campaigns/", "campaigns.urls"), ("analytics/", "analytics.urls"), ("api/v1/", "config.api")):
    if there(m):
        try:
            urlpatterns += [path(p, include(m))]
        except Exception as e:
            print("TEMP: cannot include", m, repr(e))
