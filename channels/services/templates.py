"""Writing templates: every saving is a version of its own, and none is ever changed or lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.validators import slug_re
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from channels.models import Template, TemplateVersion
from channels.rendering import Text, language_problem
from channels.rendering.rules import sample_problems, text_problems
from crm.errors import Invalid
from crm.models import Topic

LONGEST_NAME, LONGEST_SLUG, MOST_LANGUAGES = 200, 60, 20


@dataclass(frozen=True, slots=True)
class TemplateDetails:
    """What staff decide about a template apart from its words."""

    name: str
    slug: str
    topic: Topic


@dataclass(frozen=True, slots=True)
class Draft:
    """One language of a template as somebody has written it; `base` is the version they began with (0: none)."""

    language: str
    text: Text
    base: int = 0
    samples: Mapping[str, Any] = field(default_factory=dict)


class Outdated(Exception):
    """Somebody else saved these words in the meantime; `version` is theirs."""

    def __init__(self, version: TemplateVersion) -> None:
        super().__init__(str(version))
        self.version = version


@transaction.atomic
def create_template(*, details: TemplateDetails, draft: Draft, by_id: int | None = None) -> Template:
    """Make a template with its first version; raises `Invalid` by field."""
    _refuse(_detail_problems(details) | _draft_problems(draft))
    try:
        with transaction.atomic():
            template = Template.objects.create(
                name=details.name.strip(), slug=details.slug, topic=details.topic, created_by_id=by_id
            )
    except IntegrityError as error:
        raise Invalid({"slug": _("There is a template of this short name already.")}) from error
    _add_version(template, {draft.language: draft.text.as_json()}, draft.samples, by_id=by_id)
    return template


@transaction.atomic
def save_template(*, template_id: int, details: TemplateDetails, draft: Draft, by_id: int | None = None) -> bool:
    """Keep what somebody wrote as a new version; answers False where its words are as they were.

    Other languages stay as they are now. Raises `Invalid` by field, and `Outdated` where somebody else changed the
    same language, or the example values, since `draft.base`.
    """
    _refuse(_detail_problems(details, template_id) | _draft_problems(draft))
    template = Template.objects.select_for_update().get(pk=template_id)
    template.name, template.slug, template.topic = details.name.strip(), details.slug, details.topic
    template.save()
    now = _version_in_use(template)
    began = template.versions.filter(number=draft.base).first() if draft.base else None
    said = draft.text.as_json()
    kept = now.texts.get(draft.language)
    if kept == said and now.samples == draft.samples:
        return False
    if now.number != draft.base and (
        began is None or began.texts.get(draft.language) != kept or began.samples != now.samples
    ):
        raise Outdated(now)
    if draft.language not in now.texts and len(now.texts) >= MOST_LANGUAGES:
        raise Invalid({"language": _("At most %d languages, please.") % MOST_LANGUAGES})
    _add_version(template, {**now.texts, draft.language: said}, draft.samples, by_id=by_id)
    return True


@transaction.atomic
def restore_version(*, template_id: int, number: int, by_id: int | None = None) -> TemplateVersion:
    """Say again what an earlier version said, as a new version; the version in use where it says the same already."""
    template = Template.objects.select_for_update().get(pk=template_id)
    wanted, now = template.versions.filter(number=number).first(), _version_in_use(template)
    if wanted is None:
        raise Invalid({"": _("There is no version %d.") % number})
    if (wanted.texts, wanted.samples) == (now.texts, now.samples):
        return now
    note = _("as version %d") % number
    return _add_version(template, wanted.texts, wanted.samples, by_id=by_id, note=note)


@transaction.atomic
def drop_language(*, template_id: int, language: str, by_id: int | None = None) -> TemplateVersion:
    """A version without one language; raises `Invalid` where it is the last one, or not there."""
    template = Template.objects.select_for_update().get(pk=template_id)
    now = _version_in_use(template)
    if language not in now.texts:
        raise Invalid({"": _("It is not written in “%s”.") % language})
    if len(now.texts) == 1:
        raise Invalid({"": _("This is its only language.")})
    texts = {tag: text for tag, text in now.texts.items() if tag != language}
    return _add_version(template, texts, now.samples, by_id=by_id, note=_("without %s") % language)


@transaction.atomic
def archive_template(*, template_id: int) -> bool:
    """Put it away: nobody can choose it any more, and nothing that was said is lost. False where it was away."""
    template = Template.objects.select_for_update().get(pk=template_id)
    if template.archived_at is not None:
        return False
    template.archived_at = timezone.now()
    template.save()
    return True


@transaction.atomic
def bring_back_template(*, template_id: int) -> bool:
    """Let it be chosen again; False where it is in use."""
    template = Template.objects.select_for_update().get(pk=template_id)
    if template.archived_at is None:
        return False
    template.archived_at = None
    template.save()
    return True


@transaction.atomic
def duplicate_template(*, template_id: int, by_id: int | None = None) -> Template:
    """A template that says the same under a name of its own."""
    source = Template.objects.select_related("version", "topic").get(pk=template_id)
    version = _version_in_use(source)
    name = _("Copy of %s") % source.name
    copy = Template.objects.create(
        name=name[:LONGEST_NAME], slug=free_slug(f"{source.slug}-copy"), topic=source.topic, created_by_id=by_id
    )
    _add_version(copy, version.texts, version.samples, by_id=by_id, note=_("copied from “%s”") % source.slug)
    return copy


def free_slug(words: str) -> str:
    """A short name from some words, with a number behind it where it is taken."""
    stem = slugify(words)[: LONGEST_SLUG - 4] or "template"
    taken = set(Template.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(
        slug for number in range(1, 10_000) if (slug := stem if number == 1 else f"{stem}-{number}") not in taken
    )


def _version_in_use(template: Template) -> TemplateVersion:
    if template.version is None:
        raise Invalid({"": _("This template says nothing yet.")})
    return template.version


def _add_version(
    template: Template, texts: Mapping[str, Any], samples: Mapping[str, Any], *, by_id: int | None, note: str = ""
) -> TemplateVersion:
    last = template.versions.aggregate(last=Max("number"))["last"] or 0
    template.version = TemplateVersion.objects.create(
        template=template, number=last + 1, texts=texts, samples=samples, created_by_id=by_id, note=note[:200]
    )
    template.save()
    return template.version


def _refuse(problems: dict[str, str]) -> None:
    if problems:
        raise Invalid(problems)


def _detail_problems(details: TemplateDetails, template_id: int | None = None) -> dict[str, str]:
    problems = {}
    if not details.name.strip():
        problems["name"] = _("Give it a name.")
    elif len(details.name) > LONGEST_NAME:
        problems["name"] = _("At most %d characters, please.") % LONGEST_NAME
    if not slug_re.match(details.slug) or len(details.slug) > LONGEST_SLUG:
        problems["slug"] = _("Use up to 60 letters, digits, and the signs - and _ only.")
    elif Template.objects.filter(slug=details.slug).exclude(pk=template_id or 0).exists():
        problems["slug"] = _("There is a template of this short name already.")
    return problems


def _draft_problems(draft: Draft) -> dict[str, str]:
    if wrong := language_problem(draft.language):
        return {"language": wrong}
    return sample_problems(draft.samples) | text_problems(draft.text, draft.samples)
