"""One line each: a task calls one job."""

from celery import shared_task

from campaigns import jobs


@shared_task(name="campaigns.plan_campaign")
def plan_campaign(campaign_id: int) -> None:
    jobs.plan_campaign(campaign_id)


@shared_task(name="campaigns.sweep")
def sweep() -> None:
    jobs.sweep()
