"""Every door of the house."""

from django.contrib import admin
from django.urls import include, path, re_path

from analytics.views import dashboard
from config import health, views
from crm.api.doors import UnknownRoute

handler400 = "config.errors.bad_request"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("", include("config.accounts.urls")),
    path("more/", views.more, name="more"),
    path("", include("crm.urls")),
    path("", include("channels.urls")),
    path("campaigns/", include("campaigns.urls")),
    path("analytics/", include("analytics.urls")),
    path("api/v1/", include("config.api")),
    re_path(r"^api/", UnknownRoute.as_view()),
    path("webhooks/", include("channels.hook_urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("admin/", admin.site.urls),
]
