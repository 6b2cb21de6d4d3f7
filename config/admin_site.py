"""Django's own admin, named for Earshot; a theme with inline script would need a weaker CSP."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class EarshotAdminSite(admin.AdminSite):
    site_header = _("Earshot administration")
    site_title = _("Earshot")
    index_title = _("Configure Earshot")
    # Without the list of everything at the side the tables have room for their columns.
    enable_nav_sidebar = False
