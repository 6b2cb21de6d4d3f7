"""Pages of outgoing messages."""

from django.urls import path

from channels.views import (
    bulk,
    compose,
    drafts,
    messages,
    panels,
    template_previews,
    template_versions,
    templates,
    unsubscribe,
)

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
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("templates/", templates.templates, name="templates"),
    path("templates/new/", templates.new_template, name="new-template"),
    path("templates/preview/", template_previews.preview, name="template-preview"),
    path("templates/preview/email/", template_previews.preview_email, name="template-preview-email"),
    path("templates/preview/families/", template_previews.preview_families, name="template-families"),
    path("templates/<int:pk>/", templates.template, name="template"),
    path("templates/<int:pk>/test/", template_previews.test_send, name="template-test"),
    path("templates/<int:pk>/archive/", templates.archive, name="template-archive"),
    path("templates/<int:pk>/bring-back/", templates.bring_back, name="template-bring-back"),
    path("templates/<int:pk>/duplicate/", templates.duplicate, name="template-duplicate"),
    path("templates/<int:pk>/drop-language/", templates.drop_language, name="template-drop-language"),
    path("templates/<int:pk>/versions/", template_versions.versions, name="template-versions"),
    path("templates/<int:pk>/versions/<int:number>/", template_versions.version, name="template-version"),
    path("templates/<int:pk>/versions/<int:number>/restore/", template_versions.restore, name="template-restore"),
    path("families/<int:pk>/message/", compose.compose, name="compose"),
    path("families/<int:pk>/message/preview/", compose.compose_preview, name="compose-preview"),
    path("families/<int:pk>/message/files/", drafts.compose_files, name="compose-files"),
    path("families/<int:pk>/message/waiting/", panels.family_waiting, name="family-waiting"),
    path("families/<int:pk>/message/panel/", panels.family_messages, name="family-messages"),
]
