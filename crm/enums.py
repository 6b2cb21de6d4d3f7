"""Closed choices of the ground floor; open vocabularies stand in `crm.vocabulary`."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """Ways to reach a family; the order is the fixed order that settles ties."""

    EMAIL = "email", _("Email")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")
    RCS = "rcs", _("RCS")
    PUSH = "push", _("Push")
    PORTAL = "portal", _("Portal")
    PHONE = "phone", _("Phone")
    IN_PERSON = "in_person", _("In person")


class ContactChannel(models.TextChoices):
    """Channels that have an address; in person has none, a letter has."""

    EMAIL = "email", _("Email")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")
    RCS = "rcs", _("RCS")
    PHONE = "phone", _("Phone")
    PUSH = "push", _("Push")
    PORTAL = "portal", _("Portal")
    POSTAL = "postal", _("Post")


NUMBER_CHANNELS = frozenset({"sms", "whatsapp", "rcs", "phone"})


class Direction(models.TextChoices):
    OUT = "out", _("From us")
    IN = "in", _("From them")
    NONE = "", _("Neither")


class Role(models.TextChoices):
    GUARDIAN = "guardian", _("Guardian")
    ADULT = "adult", _("Adult")
    STUDENT = "student", _("Student")
    CHILD = "child", _("Child")


CHILD_ROLES = frozenset({Role.STUDENT.value, Role.CHILD.value})


class Stage(models.TextChoices):
    ENQUIRY = "enquiry", _("Enquiry")
    ENROLLED = "enrolled", _("Enrolled")
    PAUSED = "paused", _("Paused")
    LEFT = "left", _("Left")


class TopicKind(models.TextChoices):
    TRANSACTIONAL = "transactional", _("Transactional")
    MARKETING = "marketing", _("Marketing")


class ConsentSource(models.TextChoices):
    STAFF = "staff", _("Staff")
    IMPORT = "import", _("Import")
    API = "api", _("API")
    PREFERENCES = "preferences", _("Preference page")
    STOP_WORD = "stop_word", _("STOP by text")
    START_WORD = "start_word", _("START by text")
    COMPLAINT = "complaint", _("Spam complaint")
    ONE_CLICK = "one_click", _("One-click unsubscribe")
    DEMO = "demo", _("Demo data")


class CallOutcome(models.TextChoices):
    ANSWERED = "answered", _("Answered")
    NO_ANSWER = "no_answer", _("No answer")
    VOICEMAIL = "voicemail", _("Voicemail left")
    BUSY = "busy", _("Busy")
    WRONG_NUMBER = "wrong_number", _("Wrong number")


class ConversationKind(models.TextChoices):
    CONCERN = "concern", _("Concern")
    FEEDBACK = "feedback", _("Feedback")
    QUESTION = "question", _("Question")
    OTHER = "other", _("Other")


class TaskState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")


class Attendance(models.TextChoices):
    EXPECTED = "expected", _("Expected")
    ATTENDED = "attended", _("Came")
    NO_SHOW = "no_show", _("Did not come")


class AttributeKind(models.TextChoices):
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    YES_NO = "yes_no", _("Yes or no")
    DATE = "date", _("Date")
    CHOICE = "choice", _("Choice")


class ChangeKind(models.TextChoices):
    MERGE = "merge", _("Merged")
    MOVE = "move", _("Moved")
    REMOVAL = "removal", _("Removed")


class PortalUsage(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")
    RARE = "rare", _("Rare")


class DayPart(models.TextChoices):
    MORNING = "morning", _("Morning")
    AFTERNOON = "afternoon", _("Afternoon")
    EVENING = "evening", _("Evening")


class Urgency(models.TextChoices):
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")


class ImportKind(models.TextChoices):
    FAMILIES = "families", _("Families and people")
    CALLS = "calls", _("Phone calls")
    ATTENDANCE = "attendance", _("Attendance at events")


class ImportState(models.TextChoices):
    MAPPING = "mapping", _("Columns to be named")
    READING = "reading", _("Reading the file")
    COMPARING = "comparing", _("Comparing with what is known")
    CHECKED = "checked", _("Not imported yet")
    WRITING = "writing", _("Importing")
    DONE = "done", _("Imported")
    LOOKING = "looking", _("Looking what was touched since")
    UNDOING = "undoing", _("Taking back")
    UNDONE = "undone", _("Taken back")
    FAILED = "failed", _("Could not go on")


class RowState(models.TextChoices):
    READ = "read", _("Read")
    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    UNCHANGED = "unchanged", _("Unchanged")
    BAD = "bad", _("Bad")
    LEFT_OUT = "left_out", _("Left out")


class WebhookEvent(models.TextChoices):
    """What other systems may be told of."""

    INTERACTIONS = "interactions.recorded", _("Interactions recorded")
    CONSENTS = "consents.changed", _("Consent changed")
    PREFERENCES = "preferences.changed", _("Preferences changed")


class WebhookState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
