"""Pages of outgoing messages."""

from django.urls import path

from channels.views import bulk, compose, drafts, messages, panels

app_name = "channels"
urlpatterns = [
    path("messages/", messages.outbox, name="messages"),
    path("messages/bulk/", bulk.messages_bulk, name="messages-bulk"),
    path("messages/bulk/<slug:token>/undo/", bulk.messages_bulk_undo, name="messages-bulk-undo"),
    path("messages/files/<int:pk>/", drafts.attachment, name="attachment"),
    path("messages/<int:pk>/take-back/", drafts.compose_undo, name="compose-undo"),
    path("messages/<int:pk>/", messages.message, name="message"),
    path("messages/<int:pk>/cancel/", messages.cancel, name="message-cancel"),
    path("messages/<int:pk>/settle/", messages.settle, name="message-settle"),
    path("messages/<int:pk>/again/", messages.again, name="message-again"),
    path("families/<int:pk>/message/", compose.compose, name="compose"),
    path("families/<int:pk>/message/preview/", compose.compose_preview, name="compose-preview"),
    path("families/<int:pk>/message/files/", drafts.compose_files, name="compose-files"),
    path("families/<int:pk>/message/waiting/", panels.family_waiting, name="family-waiting"),
    path("families/<int:pk>/message/panel/", panels.family_messages, name="family-messages"),
]
