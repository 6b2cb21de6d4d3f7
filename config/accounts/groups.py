"""The groups behind the roles, made after every migration."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from crm.roles import OfficeRole

LAST_APP = "campaigns"


def make_groups(*, using: str = "default") -> None:
    """One group a role; administrators get what the administration shows, and nothing is taken away.

    Views ask for the role; the permissions are what the administration asks for.
    """
    for app in apps.get_app_configs():
        create_permissions(app, verbosity=0, using=using)
    made = {role: Group.objects.using(using).get_or_create(name=role.value) for role in OfficeRole}
    if made[OfficeRole.STAFF][1]:
        # Who was here before there were roles goes on working; an administrator raises who is more.
        made[OfficeRole.STAFF][0].user_set.add(*get_user_model().objects.using(using).filter(is_superuser=False))
    kinds = ContentType.objects.db_manager(using).get_for_models(*admin.site._registry)
    permissions = Permission.objects.using(using).filter(content_type__in=kinds.values())
    made[OfficeRole.ADMINISTRATOR][0].permissions.add(*permissions)
