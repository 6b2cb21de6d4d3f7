"""Pages of the ground floor: families and their log, calls, events, import."""

from django.urls import path

from crm.views import calls, entries, events, families, imports, logging, people, timeline

app_name = "crm"
urlpatterns = [
    path("families/", families.families, name="families"),
    path("families/<int:pk>/", families.family, name="family"),
    path("families/<int:pk>/timeline/", timeline.family_timeline, name="family-timeline"),
    path("families/<int:pk>/print/", entries.family_print, name="family-print"),
    path("families/<int:pk>/calls/", logging.log_call, name="log-call"),
    path("families/<int:pk>/conversations/", logging.log_conversation, name="log-conversation"),
    path("families/<int:pk>/notes/", logging.log_note, name="log-note"),
    path("families/<int:pk>/task/", calls.call_task_new, name="call-task-new"),
    path("interactions/<int:pk>/", entries.interaction, name="interaction"),
    path("interactions/<int:pk>/correct/", entries.interaction_correct, name="interaction-correct"),
    path("interactions/<int:pk>/pin/", entries.interaction_pin, name="interaction-pin"),
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
    path("imports/example.csv", imports.example_file, name="example-file"),
]
