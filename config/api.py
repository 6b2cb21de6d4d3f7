"""The API's addresses, below /api/v1/."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from channels.api.messages import MessageCollection, MessageDetail
from channels.api.portal import Inbox, InboxClick, InboxDismiss, InboxRead
from channels.api.push import PushSubscriptions
from channels.api.recommendation import FamilyRecommendation, RecommendationList
from crm.api.consents import FamilyConsents
from crm.api.contacts import ContactPointDetail, ContactPoints, MemberDetail, Members
from crm.api.doors import UnknownRoute
from crm.api.families import FamilyDetail, FamilyList
from crm.api.interactions import InteractionDetail, Timeline
from crm.api.log import InteractionList
from crm.api.portal import PortalPreferences, PortalTokens, PortalTrack
from crm.api.preferences import FamilyPreferences, PreferencesList
from crm.api.tasks import TaskCollection, TaskDetail
from crm.api.webhooks import WebhookDetail, WebhookRotation, Webhooks

app_name = "api"

urlpatterns = [
    path("families/", FamilyList.as_view(), name="families"),
    path("families/<str:ref>/", FamilyDetail.as_view(), name="family"),
    path("families/<str:ref>/members/", Members.as_view(), name="members"),
    path("families/<str:ref>/members/<str:member>/", MemberDetail.as_view(), name="member"),
    path("families/<str:ref>/contact-points/", ContactPoints.as_view(), name="contact-points"),
    path("families/<str:ref>/contact-points/<int:pk>/", ContactPointDetail.as_view(), name="contact-point"),
    path("families/<str:ref>/timeline/", Timeline.as_view(), name="timeline"),
    path("families/<str:ref>/preferences/", FamilyPreferences.as_view(), name="family-preferences"),
    path("families/<str:ref>/recommendation/", FamilyRecommendation.as_view(), name="family-recommendation"),
    path("families/<str:ref>/consents/", FamilyConsents.as_view(), name="consents"),
    path("interactions/", InteractionList.as_view(), name="interactions"),
    path("interactions/<int:pk>/", InteractionDetail.as_view(), name="interaction"),
    path("webhooks/", Webhooks.as_view(), name="webhooks"),
    path("webhooks/<int:pk>/", WebhookDetail.as_view(), name="webhook"),
    path("webhooks/<int:pk>/rotate/", WebhookRotation.as_view(), name="webhook-rotate"),
    path("preferences/", PreferencesList.as_view(), name="preferences"),
    path("recommendations/", RecommendationList.as_view(), name="recommendations"),
    path("tasks/", TaskCollection.as_view(), name="tasks"),
    path("tasks/<int:pk>/", TaskDetail.as_view(), name="task"),
    path("messages/", MessageCollection.as_view(), name="messages"),
    path("messages/<int:pk>/", MessageDetail.as_view(), name="message"),
    path("portal/tokens/", PortalTokens.as_view(), name="portal-tokens"),
    path("portal/inbox/", Inbox.as_view(), name="inbox"),
    path("portal/inbox/<int:pk>/read/", InboxRead.as_view(), name="inbox-read"),
    path("portal/inbox/<int:pk>/click/", InboxClick.as_view(), name="inbox-click"),
    path("portal/inbox/<int:pk>/dismiss/", InboxDismiss.as_view(), name="inbox-dismiss"),
    path("portal/push-subscriptions/", PushSubscriptions.as_view(), name="push-subscriptions"),
    path("portal/track/", PortalTrack.as_view(), name="portal-track"),
    path("portal/preferences/", PortalPreferences.as_view(), name="portal-preferences"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="api/docs.html"),
        name="docs",
    ),
    re_path(r"", UnknownRoute.as_view()),
]
