"""Pages of the ground floor: families and their log, calls, events, import."""

from django.urls import path

from crm.views import calls, duplicates, editing, events, families, households, imports, logging, people, timeline

app_name = "crm"
urlpatterns = [
    path("families/", families.families, name="families"),
    path("families/new/", editing.family_new, name="family-new"),
    path("families/<int:pk>/edit/", editing.family_edit, name="family-edit"),
    path("families/<int:pk>/members/new/", editing.member_new, name="member-new"),
    path("families/<int:pk>/contact-points/new/", editing.contact_point_new, name="contact-point-new"),
    path("families/<int:pk>/consent/", editing.consent_new, name="consent-new"),
    path("members/<int:pk>/", editing.member_edit, name="member-edit"),
    path("members/<int:pk>/move/", households.member_move, name="member-move"),
    path("members/<int:pk>/remove/", households.member_remove, name="member-remove"),
    path("contact-points/<int:pk>/", editing.contact_point_edit, name="contact-point-edit"),
    path("contact-points/<int:pk>/works/", editing.contact_point_works, name="contact-point-works"),
    path("contact-points/<int:pk>/remove/", households.contact_point_remove, name="contact-point-remove"),
    path("families/<int:pk>/merge/", duplicates.family_merge, name="family-merge"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("duplicates/look/", duplicates.duplicates_look, name="duplicates-look"),
    path("duplicates/<int:pk>/dismiss/", duplicates.duplicate_dismiss, name="duplicate-dismiss"),
    path("households/<int:pk>/undo/", households.household_undo, name="household-undo"),
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
    path("imports/example.csv", imports.example_file, name="example-file"),
]
