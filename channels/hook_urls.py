"""Where vendors call."""

from django.urls import path

from channels import webhooks

urlpatterns = [
    path("email/<slug:esp>/<slug:kind>/", webhooks.email_callback, name="email-callback"),
    path("<slug:vendor>/<slug:kind>/", webhooks.vendor_callback, name="vendor-callback"),
]
