"""Doors of the analytics floor; the dashboard stands at the root and is named by the house."""

from django.urls import path

from analytics import views

app_name = "analytics"

urlpatterns = [
    path("needs/<slug:kind>/", views.needs, name="needs"),
    path("said/<slug:side>/", views.said, name="said"),
    path("", views.effectiveness, name="effectiveness"),
    path("families/<int:pk>/learn/", views.learn_now, name="learn-now"),
    path("families/<int:pk>/preference/", views.stated_preference, name="stated-preference"),
]
