"""Pages of outgoing messages."""

from django.urls import path

from channels.views import compose, messages, panels, unsubscribe

app_name = "channels"
urlpatterns = [
    path("messages/", messages.outbox, name="messages"),
    path("messages/<int:pk>/", messages.message, name="message"),
    path("messages/<int:pk>/cancel/", messages.cancel, name="message-cancel"),
    path("messages/<int:pk>/settle/", messages.settle, name="message-settle"),
    path("messages/<int:pk>/again/", messages.again, name="message-again"),
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("families/<int:pk>/message/", compose.compose, name="compose"),
    path("families/<int:pk>/message/preview/", compose.compose_preview, name="compose-preview"),
    path("families/<int:pk>/message/panel/", panels.family_messages, name="family-messages"),
]
