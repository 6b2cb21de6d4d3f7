"""Where vendors call."""

from django.urls import path

from channels import webhooks

urlpatterns = [
    path("email/<slug:esp>/<slug:kind>/", webhooks.email_callback, name="email-callback"),
    path("twilio/<slug:kind>/", webhooks.twilio_callback, name="twilio-callback"),
    path("webpush/<slug:kind>/", webhooks.push_report, name="push-report"),
]
