"""Addresses of the campaign pages, under /campaigns/."""

from django.urls import path

from campaigns.views import drafts, rehearsals, results

app_name = "campaigns"
urlpatterns = [
    path("", drafts.campaigns, name="campaigns"),
    path("new/", drafts.new_campaign, name="new-campaign"),
    path("audience/", drafts.audience_count, name="audience-count"),
    path("sms-length/", drafts.sms_length, name="sms-length"),
    path("<int:pk>/", results.campaign, name="campaign"),
    path("<int:pk>/edit/", drafts.edit_campaign, name="edit-campaign"),
    path("<int:pk>/preview/", rehearsals.preview, name="preview"),
    path("<int:pk>/start/", rehearsals.start, name="start"),
    path("<int:pk>/stop/", results.stop, name="stop"),
]
