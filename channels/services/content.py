"""Templates made into messages: for one reader, or for a thousand in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from channels.models import Template, TemplateVersion
from channels.rendering import Broken, Content, Text, check_values, choose_language, render_content
from channels.selectors.readers import reader_of
from crm.models import Family, Member

if TYPE_CHECKING:
    from channels.services.send import MessageRequest

_NOBODY: Mapping[str, Any] = {}


def content_of(
    *,
    version: TemplateVersion,
    topic: str,
    family: Family,
    member: Member | None = None,
    given: Mapping[str, Any] = _NOBODY,
    language: str = "",
    with_html: bool = True,
) -> tuple[Content, str]:
    """What a version of a template says to somebody, and the language that was chosen; raises `Broken`.

    `topic` is the topic's name; without `language` it is the family's, or the nearest that there is.
    """
    spoken = choose_language(language or family.language, version.texts)
    if not spoken:
        raise Broken(_("This template says nothing yet."))
    text = Text.from_json(version.texts[spoken])
    reader = reader_of(family, member, topic=topic)
    return render_content(text, reader, given, language=spoken, with_html=with_html), spoken


class ContentBook:
    """Templates of some requests, and the families and people they are for: three queries, none without templates."""

    def __init__(self, requests: Sequence["MessageRequest"]) -> None:
        wanted = [one for one in requests if one.template]
        self._templates: dict[str, Template] = {}
        self._families: dict[int, Family] = {}
        self._people: dict[int, list[Member]] = defaultdict(list)
        if not wanted:
            return
        ids = {one.family_id for one in wanted}
        found = Template.objects.filter(slug__in={one.template for one in wanted}).select_related("version", "topic")
        self._templates = {template.slug: template for template in found}
        self._families = {family.pk: family for family in Family.objects.filter(pk__in=ids)}
        for member in Member.objects.filter(family_id__in=ids).order_by("id"):
            self._people[member.family_id].append(member)

    def with_topic(self, request: "MessageRequest") -> "MessageRequest":
        """A request that names no topic is about its template's."""
        if request.topic:
            return request
        template = self._templates.get(request.template)
        return replace(request, topic=template.topic.slug if template else "transactional")

    def drafted(self, request: "MessageRequest", limits: Mapping[str, int]) -> "MessageRequest | dict[str, str]":
        """The request with its words, said to the longest name of the family; or what keeps it from being said."""
        if not request.template:
            return request
        if problems := self._problems(request):
            return problems
        try:
            content, _language = self._content(request, self._stand_in(request), with_html=False)
        except Broken as error:
            return _why(error)
        return _too_long(content, limits) or replace(
            request, subject=content.subject, body=content.body, sms=content.sms, variants=content.variants
        )

    def filled(
        self, request: "MessageRequest", member_id: int | None, limits: Mapping[str, int]
    ) -> "MessageRequest | dict[str, str]":
        """The request with its words for the person who was chosen; or what keeps it from being said."""
        person = self._person(request.family_id, member_id)
        try:
            content, language = self._content(request, person, with_html=True)
        except Broken as error:
            return _why(error)
        if problems := _too_long(content, limits):
            return problems
        version = self._templates[request.template].version
        return replace(
            request,
            subject=content.subject,
            body=content.body,
            html=content.html,
            sms=content.sms,
            variants=content.variants,
            personal=content.personal,
            template_version_id=version.pk if version else None,
            language=language,
            context=None,
        )

    def _problems(self, request: "MessageRequest") -> dict[str, str]:
        template = self._templates.get(request.template)
        if template is None or template.version is None:
            return {"template": _("There is no template “%s”.") % request.template}
        if template.archived_at is not None:
            return {"template": _("The template “%s” is archived.") % request.template}
        wrong = check_values(request.context or {})
        return {"context": wrong} if wrong else {}

    def _content(self, request: "MessageRequest", person: Member | None, *, with_html: bool) -> tuple[Content, str]:
        template = self._templates[request.template]
        if template.version is None:
            raise Broken(_("This template says nothing yet."))
        return content_of(
            version=template.version,
            topic=template.topic.name,
            family=self._families[request.family_id],
            member=person,
            given=request.context or {},
            with_html=with_html,
        )

    def _stand_in(self, request: "MessageRequest") -> Member | None:
        if request.member_id:
            return self._person(request.family_id, request.member_id)
        return max(self._people[request.family_id], key=lambda one: len(one.name), default=None)

    def _person(self, family_id: int, member_id: int | None) -> Member | None:
        return next((one for one in self._people[family_id] if one.pk == member_id), None)


def _why(error: Broken) -> dict[str, str]:
    return {"context" if error.missing else "template": str(error)}


def _too_long(content: Content, limits: Mapping[str, int]) -> dict[str, str]:
    if not content.body.strip():
        return {"template": _("For this family nothing is left to say.")}
    for name, most in limits.items():
        if len(getattr(content, name)) > most:
            return {"template": _("%(place)s: at most %(most)d characters, please.") % {"place": name, "most": most}}
    return {}
