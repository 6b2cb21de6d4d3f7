"""Templates of the demo: what an office says again and again, on every channel and in two languages."""

from channels.models import Template
from channels.rendering import Text
from channels.services.templates import Draft, TemplateDetails, create_template, save_template
from crm.models import Topic

_FAIR = Text(
    "Harvest fair",
    """# The harvest fair is on {{ day | date: "%A, %-d %B" }}

Dear {{ member.first_name }},

it is in the Old Mill hall from **three o’clock**. Please bring:

{% for thing in things -%}
- {{ thing }}
{% endfor %}

[Say that you come](https://riverbend.example/fair/{{ family.reference }} "button")

{% if family.fields.bus %}Your bus is number {{ family.fields.bus }}.{% else %}No bus this time.{% endif %}
""",
    {
        "email": {"subject": "Harvest fair: are you coming?", "preheader": "In the Old Mill hall, from three"},
        "sms": {"text": "Harvest fair {{ day | date: '%-d %b' }}, 3 pm, Old Mill. Coming, {{ member.first_name }}?"},
        "push": {
            "title": "Harvest fair",
            "text": "Tell us whether you come on {{ day | date: '%A' }}.",
            "link": "https://riverbend.example/fair/{{ family.reference }}",
        },
        "phone": {"title": "Harvest fair", "text": "Ask whether they come, and who could bring a cake."},
    },
)
_FIESTA = Text(
    "Fiesta de la cosecha",
    """# La fiesta de la cosecha es el {{ day | date: "%A %-d de %B" }}

Querida {{ member.first_name }}: nos vemos a las **tres** en Old Mill.

[Decir que venís](https://riverbend.example/fair/{{ family.reference }} "button")
""",
)
_FAIR_VALUES = {"day": "2026-11-27", "things": ["a cup", "good shoes"]}
_WELCOME = Text(
    "Welcome to {{ organisation.name }}",
    """Dear {{ member.first_name }},

it is good to have you. Should you ever need us, just answer this message.

Your friends at {{ organisation.name }}
""",
    {"sms": {"text": "Welcome, {{ member.first_name }}! Answer here whenever you need us. {{ organisation.name }}"}},
)


def store_templates(by_id: int) -> None:
    """Write them, unless templates of these names are there."""
    topic = Topic.objects.get(slug="transactional")
    if not Template.objects.filter(slug="harvest-fair").exists():
        details = TemplateDetails("Harvest fair", "harvest-fair", topic)
        fair = create_template(details=details, draft=Draft("en", _FAIR, 0, _FAIR_VALUES), by_id=by_id)
        save_template(template_id=fair.pk, details=details, draft=Draft("es", _FIESTA, 1, _FAIR_VALUES), by_id=by_id)
    if not Template.objects.filter(slug="welcome").exists():
        create_template(details=TemplateDetails("Welcome", "welcome", topic), draft=Draft("en", _WELCOME), by_id=by_id)
