"""Pages of the ground floor: families and their log, calls, events, import."""

from django.urls import path

from crm.views import calls, events, exports, families, imports, logging, people, timeline

app_name = "crm"
urlpatterns = [
    path("families/", families.families, name="families"),
    path("families/export.csv", exports.export_families, {"form": "csv"}, name="export-families-csv"),
    path("families/export.xlsx", exports.export_families, {"form": "xlsx"}, name="export-families-xlsx"),
    path("families/<int:pk>/", families.family, name="family"),
    path("families/<int:pk>/timeline/", timeline.family_timeline, name="family-timeline"),
    path("families/<int:pk>/calls/", logging.log_call, name="log-call"),
    path("families/<int:pk>/conversations/", logging.log_conversation, name="log-conversation"),
    path("families/<int:pk>/notes/", logging.log_note, name="log-note"),
    path("families/<int:pk>/task/", calls.call_task_new, name="call-task-new"),
    path("interactions/<int:pk>/undo/", logging.undo_interaction, name="undo-interaction"),
    path("calls/", calls.calls, name="calls"),
    path("calls/log/", logging.pick_family_for_call, name="pick-family-for-call"),
    path("calls/<int:pk>/close/", calls.call_task_close, name="call-task-close"),
    path("events/", events.events, name="events"),
    path("events/new/", events.event_new, name="event-new"),
    path("events/<int:pk>/", events.event, name="event"),
    path("events/<int:pk>/check-in/", events.check_in, name="check-in"),
    path("events/<int:pk>/people/", people.event_people, name="event-people"),
    path("events/<int:pk>/counts/", events.event_counts, name="event-counts"),
    path("imports/", imports.imports, name="imports"),
    path("imports/examples/families.csv", imports.example_file, {"kind": "families"}, name="example-families"),
    path("imports/examples/calls.csv", imports.example_file, {"kind": "calls"}, name="example-calls"),
    path("imports/examples/attendance.csv", imports.example_file, {"kind": "attendance"}, name="example-attendance"),
    path("imports/<int:pk>/", imports.import_page, name="import"),
    path("imports/<int:pk>/columns/", imports.import_columns, name="import-columns"),
    path("imports/<int:pk>/start/", imports.import_start, name="import-start"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import-undo"),
    path("imports/<int:pk>/discard/", imports.import_discard, name="import-discard"),
    path("imports/<int:pk>/progress/", imports.import_progress, name="import-progress"),
    path("imports/<int:pk>/problems.csv", imports.import_problems, name="import-problems"),
]
