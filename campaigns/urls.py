"""Addresses of the campaign pages, under /campaigns/."""

from django.urls import path

from campaigns import views

app_name = "campaigns"
urlpatterns = [
    path("", views.campaigns, name="campaigns"),
    path("new/", views.new_campaign, name="new-campaign"),
    path("audience/", views.audience_count, name="audience-count"),
    path("sms-length/", views.sms_length, name="sms-length"),
    path("<int:pk>/", views.campaign, name="campaign"),
    path("<int:pk>/edit/", views.edit_campaign, name="edit-campaign"),
    path("<int:pk>/preview/", views.preview, name="preview"),
    path("<int:pk>/start/", views.start, name="start"),
    path("<int:pk>/stop/", views.stop, name="stop"),
]
